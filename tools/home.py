"""Write what the home page shows: one photograph, three kernels with their numbers, three results; and the filter gallery's photograph."""
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image
from sklearn.datasets import load_sample_image

NEGATIVE, POSITIVE = torch.tensor([94.0, 53, 177]), torch.tensor([33.0, 37, 41])
PHOTO_ALT = "Grey photograph of a tower with three tiled roofs, above trees and a lake."
KERNELS = [  # name, numbers, divisor, caption, what its picture shows
    ("blur", [[1, 2, 1], [2, 4, 2], [1, 2, 1]], 16,
     "<b>Blur.</b> Divided by 16, the nine numbers add up to 1: a mean in which the middle counts most.",
     "The photograph, blurred: tiles and leaves run together."),
    ("sharpen", [[0, -1, 0], [-1, 5, -1], [0, -1, 0]], 1,
     "<b>Sharpen.</b> Five times the middle, minus its four neighbours: every difference grows.",
     "The photograph, sharpened: a bright rim around each roof."),
    ("edges", [[1, 0, -1], [2, 0, -2], [1, 0, -1]], 1,
     "<b>Find upright edges.</b> Left minus right: dark above zero, purple below, white where nothing changes.",
     "White, with the upright edges of the tower drawn dark on its left and purple on its right."),
]


def colours(values):
    """RGB for numbers from -1 to 1: white at 0, ink above it, purple below."""
    end = torch.where(values[..., None] < 0, NEGATIVE, POSITIVE)
    return (255 + values.abs().clamp(max=1)[..., None] * (end - 255)).round().byte()


def image(name, role, size, scale, alt):
    """An <img>, `scale` screen pixels to each of its own so that they stay crisp."""
    height, width = (scale * side for side in size)
    return f'<img class="{role}" src="_static/home/{name}.webp" width="{width}" height="{height}" alt="{alt}">'


def table(name, numbers):
    """A kernel as a table, each number on the colour of its value."""
    numbers = torch.tensor(numbers)
    fills = colours(0.3 * numbers / numbers.abs().max()).tolist()
    rows = ["".join(f'<td style="background:#{bytes(fill).hex()}">{str(number).replace("-", "−")}</td>'
                    for number, fill in zip(*row)) for row in zip(numbers.tolist(), fills)]
    return f'<table class="kernel" aria-label="Kernel: {name}">' + "".join(f"<tr>{row}</tr>" for row in rows) + "</table>"


folder = Path(sys.argv[1] if len(sys.argv) > 1 else "book")
scene = torch.tensor(load_sample_image("china.jpg")).float()
photo, colour = F.avg_pool2d(scene.mean(-1)[None, None], 4), F.avg_pool2d(scene.permute(2, 0, 1)[None], 4)
pictures, figures = {"photo": photo[0, 0].byte()}, []
for name, numbers, divisor, caption, alt in KERNELS:
    result = F.conv2d(photo, torch.tensor([[numbers]]) / divisor)[0, 0]
    pictures[name] = colours(result / 300) if name == "edges" else result.clamp(0, 255).round().byte()
    figures += [f"<figure>{table(name, numbers)}", f"<figcaption>{caption}</figcaption>",
                image(name, "output", result.shape, 2, alt) + "</figure>"]
(folder / "assets/home").mkdir(parents=True, exist_ok=True)
for name, pixels in pictures.items():
    Image.fromarray(pixels.numpy()).save(folder / f"assets/home/{name}.webp", lossless=True)
(folder / "assets/explorers").mkdir(exist_ok=True)
Image.fromarray(colour[0].round().byte().permute(1, 2, 0).numpy()).save(folder / "assets/explorers/photo.webp", lossless=True)
fragment = "\n".join([image("photo", "input", photo.shape[2:], 3, PHOTO_ALT), '<div class="home">', *figures, "</div>\n"])
(folder / "home.html").write_text(fragment, encoding="utf-8")
