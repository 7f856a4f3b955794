# What the check cells use. It is the same in every exercise: skip it.
import copy
import re
import sys


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


def alike(one, other):
    """Whether two answers are equal, be they tensors, lists, tuples, numbers or words."""
    try:
        one, other = (torch.tensor(as_lists(value), dtype=torch.double) for value in (one, other))
    except (TypeError, ValueError, RuntimeError):
        return as_lists(one) == as_lists(other)
    return one.shape == other.shape and torch.allclose(one, other, atol=1e-5)


def unwrapped(answer, right):
    """An answer without the brackets around it that the right one does not have."""
    try:
        values, axes = torch.tensor(as_lists(answer), dtype=torch.double), torch.tensor(as_lists(right)).dim()
    except (TypeError, ValueError, RuntimeError):
        return answer
    while values.dim() > axes and len(values) == 1:
        values = values[0]
    return values


def size_or_error(name, answer):
    """A size as it is, or the word error, however it is written."""
    word = str(answer).strip(" .'\"").lower()
    require(word == "error" or not isinstance(answer, (str, type)),
            f'{name}: {say(answer)} is neither numbers nor the one word "error".')
    return "error" if word == "error" else as_lists(answer)


def say(value):
    """A value in a few words; of a large tensor only the shape."""
    if isinstance(value, torch.Tensor) and value.numel() > 12:
        return f"a tensor of shape {list(value.shape)}"
    words = " ".join(repr(as_lists(value)).split())
    words = re.sub(r"-?\d+\.\d*(e[+-]?\d+)?", lambda number: f"{float(number[0]) + 0:.5g}", words)
    return words if len(words) < 160 else words[:158] + " …"


def expect(name, answer, right, slips=(), otherwise="", exact=False):
    """Compare an answer. Slips are pairs: a wrong answer, and what to say to it."""
    require(answer is not None and "Ellipsis" not in repr(answer), f"Not answered yet: {name} has no value.")
    forms = [answer, answer if exact else unwrapped(answer, right)]
    for wrong, message in slips:
        require(alike(wrong, right) or not any(alike(form, wrong) for form in forms), f"{name}: {message}")
    require(alike(forms[-1], right), f"{name}: {say(answer)} is not right. {otherwise}")


def compare(function, right, cases, slips=()):
    """Try a function beside the right one. Slips are pairs: a wrong function, and what to say to it."""
    name = getattr(function, "__name__", "your answer")
    for case in cases:
        call = f"{name}({', '.join(map(say, case))})"
        try:
            answer = function(*copy.deepcopy(case))
        except Exception as error:
            error.add_note(f"The check called {call}.")
            raise
        require(answer is not None, f"Not answered yet: {name} returns nothing. End it with return.")
        expected = right(*case)
        hint = f"It should be {say(expected)}."
        if say(answer) == say(expected) and not alike(answer, expected):  # two large tensors of one shape
            got, wanted = (torch.tensor(as_lists(value)).flatten() for value in (answer, expected))
            place = (got - wanted).abs().argmax()
            hint = f"The shape is: a number in it is {got[place]:.5g} and should be {wanted[place]:.5g}."
        cut = torch.as_tensor(expected).double().trunc(), "the fractions are cut off. Of which type is the result?"
        wrong = [*((slip(*case), message) for slip, message in slips), cut]
        expect(call, answer, expected, wrong, hint, exact=True)


def yours(function, *inputs, like):
    """What your function gives, for a picture: question marks while it gives no numbers."""
    try:
        found = torch.atleast_1d(torch.tensor(as_lists(function(*inputs))).float())
    except Exception:
        found = torch.empty(0)
    return found if found.numel() else torch.full_like(torch.as_tensor(like).float(), float("nan"))
