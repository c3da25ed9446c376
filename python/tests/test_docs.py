"""docs/python.md: its examples run in order, and its twelve mistakes get the messages it shows."""

import re

import pytest
from conftest import ROOT

import credo

PAGE = (ROOT / "docs/python.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
MISTAKES = re.findall(r"^\| `(.*?)` \| (.*?) \|$", PAGE.split("## Twelve mistakes")[1], re.MULTILINE)


def has_torch():
    try:
        import torch  # noqa: F401
    except ImportError:
        return False
    return True


def test_examples_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert len(EXAMPLES) >= 9
    names = {}
    for i, example in enumerate(EXAMPLES):
        if example.startswith("# needs torch") and not has_torch():
            continue
        try:
            exec(compile(example, f"docs/python.md, example {i + 1}", "exec"), names)
        except Exception as error:
            raise AssertionError(f"example {i + 1} fails:\n{example}") from error
    assert "battle_won" in capsys.readouterr().out


def three_marines():
    env = credo.make("skirmish/3m")
    env.reset(seed=0)
    return env


@pytest.mark.parametrize("typed, said", MISTAKES, ids=[typed for typed, _ in MISTAKES])
def test_mistakes_get_their_message(typed, said):
    with pytest.raises((credo.UserError, TypeError)) as raised:
        eval(typed, {"credo": credo, "three_marines": three_marines})
    message = str(raised.value)
    assert message.startswith(said) and "\n" not in message


def test_there_are_twelve():
    assert len(MISTAKES) == 12
