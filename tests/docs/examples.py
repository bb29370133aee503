"""Examples in documents: blocks of commands with what they print. docs/guides/testing.md describes the convention."""

import re
import secrets
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
CLIENT = ROOT / "clients/typescript/README.md"
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", CLIENT, *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
READERS_VALUE = re.compile(r"\w+=…")
"""An assignment of a value that each reader has to know; the test sets the variable."""


@dataclass
class Example:
    """A command of a document, and what it prints: `…` stands for any text, and white space does not count."""

    line: int
    command: str
    expected: str = ""

    def matches(self, printed: str) -> bool:
        first, *others = (re.escape("".join(part.split())) for part in self.expected.split("…"))
        between = "".join(f"(?>.*?{part})" for part in others[:-1])  # atomic: a later place of a part never helps
        pattern = first + between + "".join(f".*{part}" for part in others[-1:])
        return re.fullmatch(pattern, "".join(printed.split()), re.DOTALL) is not None


@dataclass(frozen=True)
class Result:
    """What a command printed, and its exit code."""

    code: int
    printed: str


def blocks(document: Path, kind: str) -> Iterator[tuple[int, str]]:
    """The fenced blocks of this kind, each with the number of its first line."""
    text = document.read_text()
    for found in FENCE.finditer(text):
        if found[1] == kind:
            yield text.count("\n", 0, found.start(2)) + 1, found[2]


def examples(document: Path) -> list[Example]:
    """The commands of the `console` blocks, in their order."""
    result: list[Example] = []
    for first, block in blocks(document, "console"):
        for number, line in enumerate(block.splitlines(), first):
            if line.startswith("$ "):
                result.append(Example(number, line.removeprefix("$ ")))
            elif line.startswith("> "):
                result[-1].command += "\n" + line.removeprefix("> ")
            else:
                result[-1].expected += line + "\n"
    return [example for example in result if not READERS_VALUE.fullmatch(example.command)]


def run_in_one_shell(
    commands: list[str], environment: Mapping[str, str], folder: Path, seconds: float = 60
) -> list[Result]:
    """Run `commands` one after the other in one bash, so that variables last."""
    mark = secrets.token_hex(8)
    script = "".join(f"{command}\nprintf '{mark}%s{mark}' $?\n" for command in commands)
    done = subprocess.run(
        ["bash", "-c", script],
        env=dict(environment),
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=seconds,
        check=False,
    )
    parts = done.stdout.split(mark)
    return [Result(int(code), printed) for printed, code in zip(parts[::2], parts[1::2], strict=False)]
