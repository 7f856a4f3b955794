"""Two small exercises for the grader's tests, which so stay the same whatever an instructor changes in the real ones."""

import io

import nbformat

from tools import exercises
from tools.outputs import METADATA, SHARED, mark

NAME, OTHER = "01-small", "03-other"
IMPORTS = "import torch\nimport torch.nn as nn\nimport torch.nn.functional as F\nimport matplotlib.pyplot as plt"
SLIDE = {
    "write-slide": "## 2. Write: the loop",
    "write-slide-answer": '''def slide(image, kernel):
    """The feature map of an image [H, W]."""
    ### BEGIN SOLUTION
    (h, w), (rows, columns) = kernel.shape, image.shape
    return torch.tensor([[float((image[i:i + h, j:j + w] * kernel).sum()) for j in range(columns - w + 1)] for i in range(rows - h + 1)])
    ### END SOLUTION''',
    "write-slide-picture": '''image, kernel = torch.tensor([[1., 2., 3.], [4., 5., 6.]]), torch.tensor([[1., 2.], [0., 4.]])
draw(grid(image, "input"), "*", grid(kernel, "kernel"), "=", grid(yours(slide, image, kernel, like=kernel), "output", "yours"))''',
    "write-slide-check": '''# Check: run this cell.
@check
def check_slide():
    compare(slide, lambda image, kernel: F.conv2d(image[None, None], kernel[None, None])[0, 0], [(image, kernel), (torch.ones(3, 3), kernel)])
    return "It agrees with F.conv2d."''',
}
FOUR = {
    "predict-dot": "## 1. Predict: a dot and an edge",
    "predict-dot-answer": "dot_output = ...\nedge_row = ...\n### BEGIN SOLUTION\ndot_output = [[4, 3], [2, 1]]\nedge_row = [-4, -4, 0]\n### END SOLUTION",
    "predict-dot-check": '''# Check: run this cell.
@check
def check_dot():
    expect("dot_output", dot_output, [[4, 3], [2, 1]])
    expect("edge_row", edge_row, [-4, -4, 0])
    return "The last weight meets the dot first."''',
    **SLIDE,
    "debug-weights": "## 3. Debug: weights that do not stick",
    "debug-weights-answer": '''def edge_map(image, kernel):
    """The map of an image [H, W], without a bias."""
    return nn.Conv2d(1, 1, kernel_size=3)(image[None, None])


### BEGIN SOLUTION
def edge_map(image, kernel):
    return F.conv2d(image[None, None], kernel[None, None])
### END SOLUTION''',
    "debug-weights-check": '''# Check: run this cell.
@check
def check_edge_map():
    compare(edge_map, lambda image, kernel: F.conv2d(image[None, None], kernel[None, None]), [(torch.eye(4), torch.ones(3, 3))])
    return "No bias is on it."''',
    "design-kernel": "## 4. Design: a kernel of your own",
    "design-kernel-answer": "my_kernel = ...\n### BEGIN SOLUTION\nmy_kernel = torch.tensor([[-1., 0., 1.]] * 3)\n### END SOLUTION",
    "design-kernel-check": '''# Check: run this cell.
@check
def check_my_kernel():
    kernel = as_numbers(my_kernel)
    require(isinstance(kernel, torch.Tensor) and kernel.shape == (3, 3), f"my_kernel is {say(my_kernel)}, not three rows of three numbers.")
    require(kernel.sum() == 0 and bool(kernel.any()), "It does not answer 0 on a flat area, or everywhere.")
    return "It finds edges."''',
}


def solution(parts):
    """A solution as an author writes it: cells with ids."""
    notebook = nbformat.v4.new_notebook(metadata=METADATA)
    for name, source in {"title": "# Solutions: small", "imports": IMPORTS, "checking": SHARED["checking"], "drawing": SHARED["drawing"], **parts}.items():
        code = name in ("imports", "checking", "drawing") or name.endswith(("-answer", "-picture", "-check"))
        notebook.cells.append((nbformat.v4.new_code_cell if code else nbformat.v4.new_markdown_cell)(source, id=name))
        mark(notebook.cells[-1])
    return notebook


SOLUTIONS = {NAME: solution(FOUR), OTHER: solution(SLIDE | {"write-slide": "## 1. Write: another loop"})}
RELEASES = {name: nbformat.reads(exercises.derive(io.StringIO(nbformat.writes(notebook))), as_version=4) for name, notebook in SOLUTIONS.items()}
