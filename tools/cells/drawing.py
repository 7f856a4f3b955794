# Draws tensors as grids of numbers. This cell is the same in every lesson: skip it, or borrow it.
from matplotlib.colors import LinearSegmentedColormap

%config InlineBackend.figure_formats = ["svg"]
%config InlineBackend.print_figure_kwargs = {"bbox_inches": None, "metadata": {"Date": None}}
plt.rcParams.update({"svg.hashsalt": "convolution", "svg.fonttype": "none", "font.size": 10})
ROLE = {"input": "#0072B2", "kernel": "#D55E00", "output": "#009E73", "padding": "#767676"}
VALUE = LinearSegmentedColormap.from_list("value", ["#b39ddb", "#ffffff", "#b0b4b8"])


def grid(values, role, title="", marks=(), padding=0):
    """What `draw` takes. Each mark is a window to outline: (row, column, height, width)."""
    values = torch.as_tensor(values).detach().float()
    return values.reshape(-1, values.shape[-1]), role, title, marks, padding


def draw_grid(ax, x, y, values, role, title, marks, padding):
    (h, w), limit = values.shape, values.nan_to_num().abs().max().item() or 1
    edges = [x + j for j in range(w + 1)], [y + i for i in range(h + 1)]
    ax.pcolormesh(*edges, values.numpy(), cmap=VALUE, vmin=-limit, vmax=limit, ec="#d4d6d8", lw=0.8)
    for i, value in enumerate(values.flatten().tolist()):
        text = "?" if value != value else f"{round(value, 2) + 0:g}".replace("-", "−")
        ax.text(x + i % w + 0.5, y + i // w + 0.53, text, ha="center", va="center")
    frames = [(padding, padding, h - 2 * padding, w - 2 * padding, role)]
    frames += [(0, 0, h, w, "padding")] * (padding > 0) + [(*mark, "kernel") for mark in marks]
    for r, c, height, width, frame in frames:
        style = {"fill": False, "ec": ROLE[frame], "lw": 2.4, "ls": "--" if frame == "padding" else "-"}
        ax.add_patch(plt.Rectangle((x + c, y + r), width, height, **style))
    ax.text(x, y - 0.35, title)


def draw(*items, columns=9, unit=0.36):
    """Draw grids, and signs such as "*" and "=" between them, `columns` items to a row."""
    ax = plt.figure().add_axes((0, 0, 1, 1), xticks=[], yticks=[], frameon=False)
    right = bottom = 0
    for row in [items[i:i + columns] for i in range(0, len(items), columns)]:
        x, y, tallest = 0.1, bottom + 1, max(len(values) for values, *_ in row)
        for item in row:
            if isinstance(item, str):
                ax.text(x, y + tallest / 2, item, size=14, ha="center", va="center")
            else:
                draw_grid(ax, x, y + (tallest - len(item[0])) / 2, *item)
            x += 0.7 if isinstance(item, str) else item[0].shape[1] + 0.7
        right, bottom = max(right, x - 0.6), y + tallest + 0.2
    ax.set(xlim=(0, right), ylim=(bottom, 0))
    ax.figure.set_size_inches(right * unit, bottom * unit)
    plt.show()
