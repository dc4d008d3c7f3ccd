"""The set-up: which Python is taken, what a stamp is worth, how failures read. Nothing here uses the network."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import threading
import tomllib
from pathlib import Path

import pytest

from scripts import bootstrap
from scripts.bootstrap import RUN, TEST, Environment, SetupError
from scripts.preparing import pythons
from scripts.preparing.pythons import UnfitPython

ROOT = Path(bootstrap.ROOT)
SCRIPTS = (
    *(
        "scripts/bootstrap.py",
        "scripts/preparing/__init__.py",
        "scripts/preparing/pip_output.py",
        "scripts/preparing/pythons.py",
        "scripts/browser.py",
        "scripts/drill.py",
        "scripts/serve.py",
        "scripts/test.py",
    ),
    *("scripts/demo_upstream.py", "addons/gateway/status/shell_lines.py", "addons/gateway/wire/ports.py"),
)


def program(path: Path, text: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return str(path)


def python(path: Path, version: str, *, name: str = "cpython", free: str = "0", venv: str = "1") -> str:
    """A program that answers the probe as a Python of this version would."""
    lines = [version.replace(".", " "), name, free, venv, str(path)]
    return program(path, "".join(f"echo '{line}'\n" for line in lines))


# --- the finder ---


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("echo 'pyenv: python3.12: command not found' >&2; exit 127", "does not start: pyenv: python3.12: command not"),
        ("exit 3", "does not start: exit 3"),
        ("exit 0", "does not start: exit 0"),
        ("echo Python 3.13", "does not start"),
        ("printf '3 11 9\\ncpython\\n0\\n1\\n/p\\n'", "Python 3.11.9 is too old"),
        ("printf '3 13 0\\npypy\\n0\\n1\\n/p\\n'", "pypy has no wheels"),
        ("printf '3 13 0\\ncpython\\n1\\n1\\n/p\\n'", "free-threaded"),
        ("printf '3 12 3\\ncpython\\n0\\n0\\n/p\\n'", "apt install python3.12-venv"),
    ],
    ids=["shim", "fails", "silent", "babbles", "old", "pypy", "free-threaded", "no venv"],
)
def test_unfit(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(UnfitPython, match=re.escape(why)):
        pythons.probe(program(tmp_path / "python3", text))


def test_file_that_is_no_program_is_unfit(tmp_path: Path) -> None:
    path = tmp_path / "python3"
    path.write_bytes(b"\x7fELF")
    path.chmod(0o755)
    with pytest.raises(UnfitPython, match="does not start"):
        pythons.probe(str(path))


def test_running_python_is_fit() -> None:
    found = pythons.probe(sys.executable)
    assert found.version == sys.version_info[:3]
    assert os.path.isfile(found.executable)


@pytest.mark.parametrize(
    ("versions", "taken"),
    [
        (["3.13.1"], 0),
        (["3.8.2", "3.12.1"], 1),
        (["3.14.0", "3.13.0"], 0),
        (["3.15.0", "3.12.0"], 1),
        (["3.11.0", "3.15.0", "3.16.0"], 1),
    ],
    ids=["the only", "old first", "first of the preferred", "preferred before newer", "newer for want of better"],
)
def test_choice(tmp_path: Path, versions: list[str], taken: int) -> None:
    paths = [python(tmp_path / str(i) / "python", version) for i, version in enumerate(versions)]
    found = bootstrap.find_python(paths)
    assert found.executable == paths[taken]
    assert ".".join(map(str, found.version)) == versions[taken]


def test_no_python_says_what_was_tried_and_how_to_get_one(tmp_path: Path) -> None:
    shim = program(tmp_path / "shims" / "python3.13", "echo 'pyenv: not here' >&2; exit 127")
    old = python(tmp_path / "python3", "3.9.1")
    with pytest.raises(SetupError) as e:
        bootstrap.find_python([shim, old])
    message = str(e.value)
    assert f"{shim}: does not start: pyenv: not here" in message
    assert f"{old}: Python 3.9.1 is too old" in message
    assert "brew install" in message
    assert "apt install" in message


def test_order_of_candidates(tmp_path: Path) -> None:
    running = python(tmp_path / "running" / "python3", "3.9.0")
    shims, real = tmp_path / "shims", tmp_path / "real"
    on_path = [
        python(shims / "python3.13", "3.13.0"),
        python(real / "python3.13", "3.13.0"),
        python(real / "python3.12", "3.12.0"),
        python(shims / "python3", "3.13.0"),
    ]
    versions = tmp_path / "pyenv" / "versions"
    in_pyenv = [python(versions / v / "bin" / "python", v) for v in ("3.13.2", "3.12.9", "3.14.0", "3.10.4")]
    (real / "python3.14").write_text("cannot be run")
    environ = {"PATH": f"{shims}{os.pathsep}{real}", "PYENV_ROOT": str(tmp_path / "pyenv")}
    found = list(pythons.candidates(environ, running))
    inside = [path for path in found if path.startswith(str(tmp_path))]
    assert inside == [running, *on_path, *in_pyenv]
    assert found[: 1 + len(on_path) + len(in_pyenv)] == inside
    assert len(found) == len(set(found))


def test_programs_named_like_python_are_no_candidates(tmp_path: Path) -> None:
    folder = tmp_path / "versions" / "3.13.0" / "bin"
    program(folder / "python3.13-config", "exit 0")
    taken = python(folder / "python", "3.13.0")
    found = pythons.candidates({"PATH": "", "PYENV_ROOT": str(tmp_path)}, "")
    assert [path for path in found if path.startswith(str(tmp_path))] == [taken]


# --- what is installed ---


def test_requirements_are_those_of_pyproject() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    project = tomllib.loads(text)["project"]
    read = bootstrap.requirements(text)
    assert read[RUN] == project["dependencies"]
    assert read[TEST] == project["dependencies"] + project["optional-dependencies"]["test"]


def test_requirements_over_several_lines() -> None:
    text = """
[tool.other]
dependencies = ["not this"]
[project]
name = "x"
dependencies = [
    "a[extra]>=1",  # "a comment"
    'b; python_version < "3.13"',
]
[project.optional-dependencies]
docs = ["no"]
test = ["c"]
[tool.more]
test = ["nor this"]
"""
    assert bootstrap.requirements(text) == {
        RUN: ["a[extra]>=1", 'b; python_version < "3.13"'],
        TEST: ["a[extra]>=1", 'b; python_version < "3.13"', "c"],
    }


def test_missing_requirements_are_named() -> None:
    with pytest.raises(SetupError, match="dependencies"):
        bootstrap.requirements('[project]\nname = "x"\n')


@pytest.mark.parametrize("name", ["constraints.txt", "constraints-oldest.txt"])
def test_constraints_are_exact_versions_and_nothing_else(name: str) -> None:
    pin = re.compile(r'[A-Za-z0-9._-]+==[0-9][0-9a-z.]*(; python_version (<|>=) "3\.\d+")?')
    lines = [line for line in (ROOT / name).read_text().splitlines() if not line.startswith("#")]
    assert [line for line in lines if not pin.fullmatch(line)] == []


def test_every_requirement_is_pinned() -> None:
    pinned = {_normal(line.split("==")[0]) for line in (ROOT / "constraints.txt").read_text().splitlines()}
    wanted = bootstrap.requirements((ROOT / "pyproject.toml").read_text())[TEST]
    assert {_normal(re.split(r"[^\w.-]", name)[0]) for name in wanted} <= pinned


def _normal(package: str) -> str:
    """A package's name as pip compares it."""
    return re.sub(r"[-_.]+", "-", package).lower()


@pytest.mark.parametrize("name", SCRIPTS)
def test_old_pythons_can_read_the_scripts(name: str) -> None:
    text = (ROOT / name).read_text()
    ast.parse(text, feature_version=(3, 7))
    assert "from __future__ import annotations" not in text, "Python 3.6 does not know it"


# --- the environment ---


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose Python makes environments with a recording pip."""
    (tmp_path / "pyproject.toml").write_text(
        '[project]\ndependencies = ["mitmproxy>=12"]\n[project.optional-dependencies]\ntest = ["pytest"]\n'
    )
    (tmp_path / "constraints.txt").write_text("mitmproxy==12.2.3\n")
    made = tmp_path / "made.sh"
    # What stands in .venv/bin/python: answers the probe, and records what pip is asked for.
    made.write_text(f"""#!/bin/sh
case "$*" in
  *"-m pip install"*) echo "$*" >> '{tmp_path}/pip.log'
    [ -e '{tmp_path}/offline' ] && {{ echo 'ERROR: No matching distribution found for mitmproxy'; exit 1; }}
    printf '#!%s\\n' "$0" > '{tmp_path}/.venv/bin/mitmdump'; chmod +x '{tmp_path}/.venv/bin/mitmdump';;
  *"-m pip --version"*) ;;
  *) printf '3 13 0\\ncpython\\n0\\n1\\n/p\\n';;
esac
""")
    program(
        tmp_path / "python3.13",
        f"""case "$*" in
  *"-m venv"*) echo venv >> '{tmp_path}/venv.log'; mkdir -p '{tmp_path}/.venv/bin'
    cp '{made}' '{tmp_path}/.venv/bin/python'; chmod +x '{tmp_path}/.venv/bin/python';;
  *) printf '3 13 0\\ncpython\\n0\\n1\\n%s\\n' "$0";;
esac
""",
    )
    return tmp_path


def ensure(checkout: Path, what: str = RUN) -> list[str]:
    said: list[str] = []
    Environment(str(checkout)).ensure(what, said.append, [str(checkout / "python3.13")])
    return said


def log(checkout: Path, name: str) -> list[str]:
    path = checkout / f"{name}.log"
    return path.read_text().splitlines() if path.exists() else []


def test_first_start_makes_everything_and_the_second_does_nothing(checkout: Path) -> None:
    assert ensure(checkout)
    (call,) = log(checkout, "pip")
    assert call.endswith(f"-c {checkout}/constraints.txt mitmproxy>=12")
    assert ensure(checkout) == []
    assert len(log(checkout, "pip")) == len(log(checkout, "venv")) == 1


def test_tests_need_more_than_running_does(checkout: Path) -> None:
    ensure(checkout, RUN)
    assert not Environment(str(checkout)).ready(TEST)
    ensure(checkout, TEST)
    assert log(checkout, "pip")[1].endswith("mitmproxy>=12 pytest")
    assert len(log(checkout, "venv")) == 1
    assert ensure(checkout, RUN) == []


@pytest.mark.parametrize("name", ["constraints.txt", "pyproject.toml"])
def test_changed_pins_install_again_into_the_same_environment(checkout: Path, name: str) -> None:
    ensure(checkout)
    file = checkout / name
    file.write_text(file.read_text().replace("12", "13"))
    assert ensure(checkout)
    assert (len(log(checkout, "pip")), len(log(checkout, "venv"))) == (2, 1)


def spoil_unfinished(venv: Path) -> None:
    (venv / ".ready-run").unlink()
    (venv / ".unfinished").touch()


def spoil_python(venv: Path) -> None:
    (venv / "bin" / "python").unlink()
    (venv / "bin" / "python").symlink_to(venv / "gone")


def spoil_start(venv: Path) -> None:
    (venv / ".ready-run").unlink()
    program(venv / "bin" / "python", "exit 1")


def spoil_place(venv: Path) -> None:
    (venv / ".ready-run").unlink()
    (venv / "bin" / "mitmdump").write_text("#!/elsewhere/.venv/bin/python\n")


def spoil_everything(venv: Path) -> None:
    venv.rename(venv.parent / "old")
    venv.write_text("a file")


@pytest.mark.parametrize("spoil", [spoil_unfinished, spoil_python, spoil_start, spoil_place, spoil_everything])
def test_broken_environment_is_made_anew(checkout: Path, spoil: object) -> None:
    ensure(checkout)
    assert callable(spoil)
    spoil(checkout / ".venv")
    assert ".venv" in ensure(checkout)[0]
    assert len(log(checkout, "venv")) == 2
    assert ensure(checkout) == []


def test_missing_program_is_installed_again(checkout: Path) -> None:
    ensure(checkout)
    (checkout / ".venv" / "bin" / "mitmdump").unlink()
    ensure(checkout)
    assert len(log(checkout, "pip")) == 2


def test_failing_pip_is_quoted_and_the_next_start_begins_anew(checkout: Path) -> None:
    (checkout / "offline").touch()
    with pytest.raises(SetupError) as e:
        ensure(checkout)
    assert "No matching distribution found for mitmproxy" in str(e.value)
    assert "network" in str(e.value)
    assert not Environment(str(checkout)).ready(RUN)
    (checkout / "offline").unlink()
    assert "half made" in ensure(checkout)[0]
    assert Environment(str(checkout)).ready(RUN)


def test_starts_at_the_same_time_set_up_once(checkout: Path) -> None:
    failures: list[BaseException] = []

    def start() -> None:
        try:
            ensure(checkout)
        except BaseException as e:
            failures.append(e)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(log(checkout, "venv")) == len(log(checkout, "pip")) == 1


def test_what_would_mislead_the_environment_is_not_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    monkeypatch.setenv("PIP_USER", "1")
    monkeypatch.setenv("GEMINI_API_KEY", "kept")
    environ = bootstrap.child_environ()
    assert "PYTHONHOME" not in environ
    assert "PIP_USER" not in environ
    assert environ["GEMINI_API_KEY"] == "kept"


@pytest.mark.parametrize("inside", [False, True])
def test_a_script_starts_again_in_the_environment(monkeypatch: pytest.MonkeyPatch, inside: bool) -> None:
    done: list[object] = []
    monkeypatch.setattr("sys.prefix", bootstrap.Environment().path if inside else "/elsewhere")
    monkeypatch.setattr(bootstrap.Environment, "ensure", lambda self, what: done.append(what))
    monkeypatch.setattr(bootstrap, "replace_process", done.append)
    monkeypatch.setattr("sys.argv", ["scripts/x.py", "--port", "0"])
    bootstrap.start_again("scripts/x.py")
    again = [bootstrap.Environment().python, os.path.abspath("scripts/x.py"), "--port", "0"]
    assert done == ([RUN] if inside else [RUN, again])


@pytest.mark.parametrize("name", ["serve.py", "test.py", "demo_upstream.py"])
def test_failure_is_a_message_not_a_traceback(tmp_path: Path, name: str) -> None:
    """A checkout without its files: the scripts run from any folder and say what is missing."""
    for file in ("scripts/__init__.py", "addons/gateway/__init__.py", "addons/gateway/wire/__init__.py", *SCRIPTS):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_bytes((ROOT / file).read_bytes())
    done = subprocess.run(
        [sys.executable, "-S", str(tmp_path / "scripts" / name)],
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert "pyproject.toml" in done.stderr
    assert "Traceback" not in done.stderr
