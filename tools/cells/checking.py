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


def as_numbers(value):
    """A tensor of the numbers in a tensor, an array or a list; what holds others stays as it is."""
    try:
        return torch.tensor(as_lists(value), dtype=torch.double)
    except (TypeError, ValueError, RuntimeError):
        return value


def alike(one, other):
    """Whether two answers are equal, be they tensors, lists, tuples, numbers or words."""
    one, other = as_numbers(one), as_numbers(other)
    if not isinstance(one, torch.Tensor) or not isinstance(other, torch.Tensor):
        return as_lists(one) == as_lists(other)
    return one.shape == other.shape and torch.allclose(one, other, atol=1e-5)


def unwrapped(answer, right):
    """An answer without the brackets around it that the right one does not have."""
    values, wanted = as_numbers(answer), as_numbers(right)
    if isinstance(values, torch.Tensor) and isinstance(wanted, torch.Tensor):
        while values.dim() > wanted.dim() and len(values) == 1:
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


def agrees(function, other, cases):
    """Whether two functions give the same in every case in which the first does not stop with an error."""
    for case in cases:
        try:
            answer = function(*copy.deepcopy(case))
        except Exception:
            continue
        if not alike(answer, other(*case)):
            return False
    return True


def compare(function, right, cases, slips=()):
    """Try a function beside the right one. Slips are pairs: a wrong function, and what to say to it."""
    name = getattr(function, "__name__", "your answer")
    slips = [*slips, (lambda *case: torch.as_tensor(right(*case)).double().trunc(), "the fractions are cut off. Of which type is the result?")]
    for case in cases:
        call, expected = f"{name}({', '.join(map(say, case))})", right(*case)
        try:
            answer = function(*copy.deepcopy(case))
        except Exception as error:
            error.add_note(f"The check called {call}.")
            raise
        require(answer is not None, f"Not answered yet: {name} returns nothing. End it with return.")
        answer = as_numbers(answer) if isinstance(expected, torch.Tensor) else answer
        hint = f"It should be {say(expected)}."
        if say(answer) == say(expected) and not alike(answer, expected):  # two large tensors of one shape
            got, wanted = (as_numbers(value).flatten() for value in (answer, expected))
            place = (got - wanted).abs().argmax()
            hint = f"The shape is: a number in it is {got[place]:.5g} and should be {wanted[place]:.5g}."
        found = [] if alike(answer, expected) else [(slip(*case), message) for slip, message in slips if agrees(function, slip, cases)]
        expect(call, answer, expected, found, hint, exact=True)


def yours(function, *inputs, like):
    """What your function gives, for a picture: question marks while it gives no numbers."""
    try:
        found = torch.atleast_1d(torch.tensor(as_lists(function(*copy.deepcopy(inputs)))).float())
    except Exception:
        found = torch.empty(0)
    return found if found.numel() else torch.full_like(torch.as_tensor(like).float(), float("nan"))
