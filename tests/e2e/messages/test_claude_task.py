"""Claude Code through a long task over a model that plays a script: a limit, a stream that breaks off, an overload.

The task: pictures that a tool reads, parallel calls, thoughts, an edit. What the model said comes back unchanged.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from addons.demo.answer import media
from tests.e2e.conftest import start_gateway
from tests.e2e.messages.claude import Claude, Run, check_saved, saved
from tests.e2e.scripted_model import Break, Busy, Call, Limit, Say, ScriptedModel, Step

if TYPE_CHECKING:
    from tests.e2e.conftest import Gateway, Starter

pytestmark = pytest.mark.claude

ONE = """
[[accounts]]
email = "alpha@example.com"
api_key = "key-alpha"
base_url = "MODEL"
"""
TWO = ONE + ONE.replace("alpha", "bravo")
END = "The report is right now."
TORN = "The north has more than the south, and so I shall now write into the report what has been left out of it."
PICTURE = media.image_part("chart.png", "4:3")["inlineData"]["data"]


@dataclass
class Bench:
    """Claude Code, and the model that it has in the end."""

    model: ScriptedModel
    claude: Claude

    def run(self, gateway: Gateway, *steps: Step, **more: Any) -> Run:
        self.model.script += steps
        run = self.claude.run(gateway, "Mend the report.", **more)
        assert self.model.faults == []
        assert self.model.script == [], run.events
        return run

    @property
    def contents(self) -> list[Any]:
        """What the last request of the task tells of the conversation."""
        contents: list[Any] = self.model.asked[-1].body["contents"]
        return contents


@pytest.fixture(scope="module")
def shared_model() -> Iterator[ScriptedModel]:
    model = ScriptedModel()
    yield model
    model.close()


@pytest.fixture
def bench(claude: Claude, shared_model: ScriptedModel) -> Bench:
    (claude.work / "chart.png").write_bytes(base64.b64decode(PICTURE))
    (claude.work / "north.txt").write_text("north has 12\n")
    (claude.work / "report.txt").write_text("These numbers are wrong.\n")
    shared_model.forget()
    return Bench(shared_model, claude)


@pytest.fixture(scope="module")
def gateway(shared_model: ScriptedModel, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """With one account, and no attempt but Claude Code's own. All answers are checked after the last test."""
    settings = "[retry]\nmax_attempts = 1\ncooldown = false\n" + ONE.replace("MODEL", shared_model.url)
    running = start_gateway(tmp_path_factory.mktemp("scripted"), settings, "-w", "saved.flow")
    yield running
    check_saved(saved(running))


def task(work: Path) -> list[Step]:
    """What the model says, if nothing goes wrong."""
    edit = {"file_path": str(work / "report.txt"), "old_string": "wrong", "new_string": "right"}
    return [
        Call([("Read", {"file_path": str(work / "chart.png")})], thought="First the chart."),
        Call(
            [
                ("Read", {"file_path": str(work / "report.txt")}),
                ("Bash", {"command": "cat north.txt"}),
            ],
            text="Now the notes.",
        ),
        Call(
            [("Edit", {**edit, "replace_all": False})],  # Claude Code adds this where it is not there
            thought="Only one word.",
        ),
        Say(END),
    ]


def test_what_the_model_said_comes_back_unchanged(bench: Bench, gateway: Gateway) -> None:
    """With its signatures, in turns that take turns, and each result with its call."""
    work = bench.claude.work
    assert bench.run(gateway, *task(work)).answer == END
    assert (work / "report.txt").read_text() == "These numbers are right.\n"
    contents = bench.contents
    assert [content["role"] for content in contents] == ["user", "model"] * 3 + ["user"]
    assert [content["parts"] for content in contents if content["role"] == "model"] == bench.model.said[:-1]
    for said, answered in zip(contents[1::2], contents[2::2], strict=True):
        calls = [part["functionCall"] for part in said["parts"] if "functionCall" in part]
        results = [part["functionResponse"] for part in answered["parts"] if "functionResponse" in part]
        assert [(result["id"], result["name"]) for result in results] == [(c["id"], c["name"]) for c in calls]
    (picture,) = (part["inlineData"]["data"] for part in contents[2]["parts"][0]["functionResponse"]["parts"])
    assert picture == PICTURE
    assert "north has 12" in str(contents[4])


def test_a_limit_of_the_first_account(bench: Bench, starter: Starter) -> None:
    gateway = starter(TWO.replace("MODEL", bench.model.url), "-w", "saved.flow")
    first, *others = task(bench.claude.work)
    assert bench.run(gateway, first, Limit(300.0), *others).answer == END
    limited = bench.model.asked[1].key
    assert {asked.key for asked in bench.model.asked[2:]} == {"key-alpha", "key-bravo"} - {limited}
    check_saved(saved(gateway))


FAULTS: dict[str, Step] = {
    "a stream that breaks off": Break(TORN),
    "an overload": Busy(),
    "a limit that passes": Limit(0.2),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_it_asks_again(bench: Bench, gateway: Gateway, fault: Step) -> None:
    """With one account, what went wrong reaches Claude Code; it goes on by itself, and nothing is lost."""
    first, *others = task(bench.claude.work)
    assert bench.run(gateway, first, fault, *others).answer == END
    turns = [content["parts"] for content in bench.contents if content["role"] == "model"]
    assert [parts for parts in turns if not TORN.startswith(parts[0].get("text", ""))] == bench.model.said[:-1]
