# What the check cells use. It is the same in every exercise: skip it.
import copy
import re
import sys
import time


class NotYet(AssertionError):
    """Says what is not right yet, in one line instead of a traceback."""

    def _render_traceback_(self):
        return [str(self)]


def check(test):
    """Run a check: print what it returns, or say what is not right yet."""
    try:
        print("Right.", test())
    except NotYet as message:
        if "google.colab" not in sys.modules:
            raise
        print(message)  # in Colab an error would end "Run all"
    return test


def require(condition, message):
    if not condition:
        raise NotYet(message)


def as_lists(value):
    """Python's own numbers and lists for what is a tensor or an array, or holds some."""
    if isinstance(value, (list, tuple)):
        return (list if isinstance(value, list) else tuple)(map(as_lists, value))
    return value.tolist() if hasattr(value, "tolist") else value


def as_numbers(value):
    """A tensor of the numbers in a tensor, an array or a list. What holds others stays as it is."""
    try:
        return torch.tensor(as_lists(value), dtype=torch.double)
    except (TypeError, ValueError, RuntimeError):
        return value


def same(one, other):
    """Whether two answers are equal, be they tensors, lists, tuples, numbers or words."""
    try:
        one, other = (torch.tensor(as_lists(value), dtype=torch.double) for value in (one, other))
    except (TypeError, ValueError, RuntimeError):
        return as_lists(one) == as_lists(other)
    return one.shape == other.shape and torch.allclose(one, other, atol=1e-5)


def say(value):
    """A value in a few words; of a large tensor only the shape."""
    if isinstance(value, torch.Tensor) and value.numel() > 12:
        return f"a tensor of shape {list(value.shape)}"
    words = " ".join(repr(as_lists(value)).split())
    words = re.sub(r"-?\d+\.\d*(e[+-]?\d+)?", lambda number: f"{float(number[0]) + 0:.5g}", words)
    return words if len(words) < 160 else words[:158] + " …"


def expect(name, answer, right, slips=(), otherwise=""):
    """Compare an answer. Slips are pairs: a wrong answer, and what to say to it."""
    require(answer is not None and "Ellipsis" not in repr(answer), f"Not answered yet: {name} has no value.")
    for wrong, message in slips:
        require(same(answer, right) or not same(answer, wrong), f"{name}: {message}")
    require(same(answer, right), f"{name}: {say(answer)} is not right. {otherwise}")


def agrees(function, other, cases):
    """Whether two functions give the same in every case, but for those in which the first stops with an error or never ends."""
    def watch(*_):
        require(time.monotonic() < end, "A second is over.")
        return watch

    for case in cases:
        end, before = time.monotonic() + 1, sys.gettrace()
        sys.settrace(watch)  # it is called before each line
        try:
            answer = function(*copy.deepcopy(case))
        except Exception:
            continue
        finally:
            sys.settrace(before)
        if not same(answer, other(*case)):
            return False
    return True


def compare(function, right, cases, slips=()):
    """Try a function beside the right one. Slips are pairs: a wrong function, and what to say to it."""
    for case in cases:
        name = getattr(function, "__name__", "your answer")
        answer, expected = function(*copy.deepcopy(case)), right(*case)
        require(answer is not None, f"Not answered yet: {name} returns nothing.")
        if isinstance(expected, torch.Tensor):
            answer = as_numbers(answer)
        hint = f"It should be {say(expected)}."
        if say(answer) == say(expected) and not same(answer, expected):  # two large tensors of one shape
            got, wanted = (as_numbers(value).flatten() for value in (answer, expected))
            place = (got - wanted).abs().argmax()
            hint = f"The shape is: a number in it is {got[place]:.5g} and should be {wanted[place]:.5g}."
        found = [] if same(answer, expected) else [(slip(*case), message) for slip, message in slips if agrees(function, slip, cases)]
        expect(f"{name}({', '.join(map(say, case))})", answer, expected, found, hint)


def yours(function, *inputs, like):
    """What your function gives, for a picture: question marks while it gives no numbers."""
    try:
        found = torch.atleast_1d(torch.tensor(as_lists(function(*copy.deepcopy(inputs)))).float())
    except Exception:
        found = torch.empty(0)
    return found if found.numel() else torch.full_like(torch.as_tensor(like).float(), float("nan"))
