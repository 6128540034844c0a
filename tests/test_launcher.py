"""The launcher, against stand-ins for the programs it calls: no network, no real install.

The stand-ins are shell scripts on a PATH of their own; each notes its arguments in `calls`, and environment variables
beginning with FAKE_ make it fail or wait. The rest of that PATH is the whole list of tools the launcher may need.
"""

import os
import select
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

LAUNCHER = Path(__file__).parents[1] / "polywire"
TOOLS = ("cat", "cksum", "mkdir", "mv", "readlink", "rm", "sed", "sh", "tail")
BOUND_S = 30.0  # an upper bound for anything waited for; nothing takes that long

PYTHON = r"""#!/bin/sh
echo "$(readlink "$0" >/dev/null && echo "venv ")python $*" >>"$FAKE_CALLS"
case $* in
*version_info*) printf '%s %s' "${FAKE_VERSION:-3.12}" "$0" ;;
*fcntl*) exec "$FAKE_REAL_PYTHON" "$@" ;; # the lock is a real one
*"import pip"*)
    case $0 in
    .venv/*) [ -e .venv/pip ] ;;
    *) [ -z "${FAKE_NO_SYSTEM_PIP-}" ] ;;
    esac
    ;;
"-m venv"*) [ -z "${FAKE_NO_VENV-}" ] && mkdir -p .venv/bin && ln -s "$0" .venv/bin/python ;;
"-m ensurepip") [ -z "${FAKE_NO_ENSUREPIP-}" ] && echo >.venv/pip ;;
"-m pip"*)
    echo "chatter of pip"
    echo "more chatter of pip" >&2
    if [ -n "${FAKE_REACHED-}" ]; then
        echo >"$FAKE_REACHED"
        read -r go <"$FAKE_GATE"
    fi
    [ -z "${FAKE_PIP_FAILS-}" ]
    ;;
*) echo "ran in $PWD with ${PYTHONPATH-no path} and ${PYTHONHOME-no home}" ;;
esac
"""

UV = r"""#!/bin/sh
echo "uv $*" >>"$FAKE_CALLS"
echo "chatter of uv"
if [ "${FAKE_UV_FAILS-}" = "$1" ]; then
    echo "error: no disk space" >&2
    exit 2
fi
case $1 in
venv) mkdir -p .venv/bin && ln -s "$4" .venv/bin/python ;;
esac
"""

TOOL = r"""#!/bin/sh
echo "${0##*/} $*" >>"$FAKE_CALLS"
case " ${FAKE_FAILING-} " in *" ${0##*/} "*) exit 1 ;; esac
"""


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


@dataclass
class Checkout:
    """A folder with the launcher in it, and a machine to run it on."""

    root: Path
    machine: Path
    settings: dict[str, str] = field(default_factory=dict)

    def environment(self, **more: str) -> dict[str, str]:
        return {
            "PATH": str(self.machine / "bin"),
            "FAKE_CALLS": str(self.machine / "calls"),
            "FAKE_REAL_PYTHON": sys.executable,
            **self.settings,
            **more,
        }

    def run(
        self, *arguments: str, by: Path | None = None, cwd: Path | None = None, **more: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # our own launcher
            [by or self.root / "polywire", *arguments],
            cwd=cwd or self.machine,
            env=self.environment(**more),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=BOUND_S,
            check=False,
        )

    @contextmanager
    def launched(self, *arguments: str, **more: str) -> Iterator[subprocess.Popen[str]]:
        """Run it in the background; it is gone when the block ends."""
        with subprocess.Popen(  # our own launcher
            [self.root / "polywire", *arguments],
            cwd=self.machine,
            env=self.environment(**more),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def calls(self) -> list[str]:
        """What the stand-ins were called with since this was last asked."""
        path = self.machine / "calls"
        lines = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return lines

    def installs(self) -> list[str]:
        return [line for line in self.calls() if " install " in line]

    def with_uv(self) -> None:
        script(self.machine / "bin" / "uv", UV)


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A checkout nobody has run yet, on a machine with Python, venv, ensurepip and pip."""
    root = tmp_path / "a folder" / "polywire"
    (root / "requirements").mkdir(parents=True)
    shutil.copy(LAUNCHER, root / "polywire")
    for name in ("requirements/core.txt", "requirements/dev.txt", "pyproject.toml"):
        (root / name).write_text(f"# {name}\n")
    machine = tmp_path / "machine"
    script(machine / "bin" / "python3", PYTHON)
    for name in (*TOOLS, "ln"):  # ln is for the stand-ins
        found = shutil.which(name)
        assert found, f"this machine has no {name}"
        (machine / "bin" / name).symlink_to(found)
    return Checkout(root, machine)


@dataclass
class Gate:
    """Holds a stand-in for pip at its door."""

    reached: int
    opened: int
    settings: dict[str, str]

    def wait_until_reached(self) -> None:
        ready, _, _ = select.select([self.reached], [], [], BOUND_S)
        assert ready, "nobody came to install"
        os.read(self.reached, 100)

    def open_for_two_installs(self) -> None:
        """Let through who stands at the door, and the next: the requirements, then this project."""
        os.write(self.opened, b"go\n")
        self.wait_until_reached()
        os.write(self.opened, b"go\n")


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    paths = [tmp_path / "reached", tmp_path / "gate"]
    for path in paths:
        os.mkfifo(path)
    ends = [os.open(path, os.O_RDWR) for path in paths]  # both ways, so that opening waits for nobody
    yield Gate(ends[0], ends[1], {"FAKE_REACHED": str(paths[0]), "FAKE_GATE": str(paths[1])})
    for end in ends:
        os.close(end)


def wait_until_it_says(process: subprocess.Popen[str], words: str) -> None:
    assert process.stderr
    said = b""
    while words.encode() not in said:
        ready, _, _ = select.select([process.stderr], [], [], BOUND_S)
        assert ready, f"it never said {words!r}"
        piece = os.read(process.stderr.fileno(), 1000)
        assert piece, f"it ended without saying {words!r}"
        said += piece


# ---------------------------------------------------------------- the first launch


def test_the_first_launch_installs_the_core_lock_and_this_project_and_then_runs(checkout: Checkout) -> None:
    done = checkout.run("up", "--for", "5")
    assert done.returncode == 0
    assert "first run" in done.stderr
    calls = checkout.calls()
    pip = "venv python -m pip --quiet --disable-pip-version-check --no-input install --no-user"
    assert [line for line in calls if " install " in line] == [
        f"{pip} --require-hashes -r requirements/core.txt",
        f"{pip} --no-deps --no-build-isolation -e .",
    ]
    assert calls[-1] == "venv python -P -m polywire up --for 5"


def test_uv_installs_where_there_is_one(checkout: Checkout) -> None:
    checkout.with_uv()
    assert checkout.run().returncode == 0
    assert [line for line in checkout.calls() if "pip" in line or line.startswith("uv ")] == [
        f"uv venv --allow-existing --python {checkout.machine}/bin/python3 .venv",
        "uv pip install --python .venv/bin/python --require-hashes -r requirements/core.txt",
        "uv pip install --python .venv/bin/python --no-deps --no-build-isolation -e .",
    ]


@pytest.mark.parametrize("step", ["venv", "pip"])
def test_pip_takes_over_from_the_start_when_uv_fails(checkout: Checkout, step: str) -> None:
    checkout.with_uv()
    done = checkout.run(FAKE_UV_FAILS=step)
    assert done.returncode == 0
    assert "polywire: uv failed (error: no disk space); going on with pip\n" in done.stderr
    calls = checkout.calls()
    assert "python -m venv --without-pip .venv" in calls
    assert sum(line.startswith("venv python -m pip ") for line in calls) == 2


def test_the_systems_pip_fills_the_environment_where_ensurepip_is_missing(checkout: Checkout) -> None:
    """Debian packs ensurepip apart, and refuses `pip install` outside of an environment."""
    assert checkout.run(FAKE_NO_ENSUREPIP="yes").returncode == 0
    calls = checkout.calls()
    assert "python -m venv --without-pip .venv" in calls
    installs = [line for line in calls if " install " in line]
    assert len(installs) == 2
    assert all(line.startswith("python -m pip --python .venv/bin/python ") for line in installs)


@pytest.mark.parametrize("missing", ["FAKE_NO_ENSUREPIP", "FAKE_NO_VENV"])
def test_without_venv_and_without_pip_it_names_the_one_package_to_install(checkout: Checkout, missing: str) -> None:
    checkout.settings = {missing: "yes", "FAKE_NO_SYSTEM_PIP": "yes"}
    done = checkout.run()
    assert done.returncode == 1
    assert done.stderr.endswith("as root: apt-get install -y python3.12-venv\n")
    assert checkout.installs() == []


def test_a_failed_install_shows_the_end_of_its_log_and_is_tried_again(checkout: Checkout) -> None:
    done = checkout.run(FAKE_PIP_FAILS="yes")
    assert done.returncode == 1
    assert "    more chatter of pip\n" in done.stderr
    assert "run the same command again" in done.stderr
    checkout.calls()
    assert checkout.run().returncode == 0
    assert len(checkout.installs()) == 2


def test_stdout_holds_only_what_the_command_prints(checkout: Checkout) -> None:
    checkout.with_uv()
    done = checkout.run(FAKE_UV_FAILS="pip")
    assert done.stdout == f"ran in {checkout.machine} with no path and no home\n"


# ---------------------------------------------------------------- which Python


def test_an_old_python_is_refused_in_one_sentence(checkout: Checkout) -> None:
    done = checkout.run(FAKE_VERSION="3.9")
    assert done.returncode == 1
    assert done.stderr == (
        f"polywire: Python 3.11 or newer is needed, but 3.9 ({checkout.machine}/bin/python3) was found; "
        "install one, or set POLYWIRE_PYTHON to its path.\n"
    )
    assert not (checkout.root / ".venv").exists()


def test_no_python_at_all_is_one_sentence_too(checkout: Checkout) -> None:
    (checkout.machine / "bin" / "python3").unlink()
    done = checkout.run()
    assert done.returncode == 1
    assert "but none was found" in done.stderr


@pytest.mark.parametrize("version", ["2.7", "3.9", "3.15"])
def test_a_python_the_lock_has_wheels_for_is_preferred_to_python3(checkout: Checkout, version: str) -> None:
    script(checkout.machine / "bin" / "python3", PYTHON.replace(":-3.12", f":-{version}"))
    script(checkout.machine / "bin" / "python3.13", PYTHON.replace(":-3.12", ":-3.13"))
    assert checkout.run().returncode == 0
    assert (checkout.root / ".venv" / "bin" / "python").readlink() == checkout.machine / "bin" / "python3.13"


def test_a_python_newer_than_the_lock_is_tried_when_there_is_no_other(checkout: Checkout) -> None:
    assert checkout.run(FAKE_VERSION="3.15").returncode == 0


def test_the_python_asked_for_is_the_only_one_tried(checkout: Checkout) -> None:
    done = checkout.run(POLYWIRE_PYTHON=str(checkout.machine / "no such"))
    assert done.returncode == 1
    assert "none was found" in done.stderr
    assert checkout.calls() == []


def test_asking_for_another_python_makes_another_environment_and_not_asking_keeps_it(checkout: Checkout) -> None:
    other = script(checkout.machine / "my python" / "python", PYTHON)
    checkout.run()
    assert checkout.run(POLYWIRE_PYTHON=str(other)).returncode == 0
    assert (checkout.root / ".venv" / "bin" / "python").readlink() == other
    checkout.calls()
    assert checkout.run(POLYWIRE_PYTHON=str(other)).returncode == 0
    assert checkout.run().returncode == 0
    assert checkout.calls() == ["venv python -P -m polywire"] * 2


def test_the_users_pythonpath_and_pythonhome_stay_outside(checkout: Checkout) -> None:
    done = checkout.run(PYTHONPATH="/elsewhere", PYTHONHOME="/elsewhere")
    assert done.stdout == f"ran in {checkout.machine} with no path and no home\n"


# ---------------------------------------------------------------- later launches


def test_a_later_launch_calls_nothing_but_the_command(checkout: Checkout) -> None:
    checkout.with_uv()
    checkout.run()
    checkout.calls()
    done = checkout.run("--help")
    assert done.stderr == ""
    assert checkout.calls() == ["venv python -P -m polywire --help"]


@pytest.mark.parametrize("name", ["requirements/core.txt", "requirements/dev.txt", "pyproject.toml"])
def test_a_changed_file_is_installed_into_the_environment_that_stands(checkout: Checkout, name: str) -> None:
    checkout.run()
    (checkout.root / name).write_text("# changed\n")
    checkout.calls()
    done = checkout.run()
    assert "what is new since the last time" in done.stderr
    calls = checkout.calls()
    assert sum(" install " in line for line in calls) == 2
    assert not any("-m venv" in line for line in calls)


def test_a_failed_change_leaves_the_environment_standing(checkout: Checkout) -> None:
    """A slip in pyproject.toml must not cost a download of everything."""
    checkout.run()
    (checkout.root / "pyproject.toml").write_text("# changed\n")
    assert checkout.run(FAKE_PIP_FAILS="yes").returncode == 1
    checkout.calls()
    assert "what is new since the last time" in checkout.run().stderr
    assert len(checkout.installs()) == 2


def test_an_environment_whose_python_is_gone_is_made_again(checkout: Checkout) -> None:
    checkout.run()
    (checkout.machine / "bin" / "python3").rename(checkout.machine / "bin" / "python3.14")
    assert "first run" in checkout.run().stderr


def test_a_moved_or_copied_folder_gets_an_environment_of_its_own(checkout: Checkout) -> None:
    """Scripts in .venv, and the editable install, hold the path they were made at."""
    checkout.run()
    copy = checkout.root.with_name("copy")
    shutil.copytree(checkout.root, copy, symlinks=True)
    checkout.calls()
    assert "first run" in checkout.run(by=copy / "polywire").stderr
    assert len(checkout.installs()) == 2


def test_a_link_to_the_launcher_finds_the_folder_and_leaves_the_caller_where_he_is(
    checkout: Checkout, tmp_path: Path
) -> None:
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "first").symlink_to("../a folder/polywire/polywire")
    second = tmp_path / "pw"
    second.symlink_to("links/first")
    done = checkout.run(by=second, cwd=tmp_path / "links")
    assert done.stdout == f"ran in {tmp_path / 'links'} with no path and no home\n"
    assert (checkout.root / ".venv" / "stamp").exists()


# ---------------------------------------------------------------- interrupted, and two at once


def test_an_interrupted_install_is_waited_for_and_then_done_again(checkout: Checkout, gate: Gate) -> None:
    """Killing the launcher leaves its pip at work: the lock is pip's as well."""
    with checkout.launched(**gate.settings) as killed:
        gate.wait_until_reached()
        killed.kill()
    with checkout.launched("--help") as second:
        wait_until_it_says(second, "waiting for another launch")
        checkout.calls()
        gate.open_for_two_installs()
        out, err = second.communicate(timeout=BOUND_S)
    assert (second.returncode, out.count("ran in")) == (0, 1)
    assert "first run" in err
    assert len(checkout.installs()) == 1 + 2  # the second one of the orphan, both of ours


def test_an_environment_whose_change_was_interrupted_is_not_built_upon(checkout: Checkout, gate: Gate) -> None:
    """A package killed half-way may look whole to pip."""
    checkout.run()
    (checkout.root / "pyproject.toml").write_text("# changed\n")
    with checkout.launched(**gate.settings) as killed:
        gate.wait_until_reached()
        killed.kill()
        gate.open_for_two_installs()
    assert "first run" in checkout.run().stderr


def test_two_launches_at_once_install_once(checkout: Checkout, gate: Gate) -> None:
    with checkout.launched("first", **gate.settings) as first:
        gate.wait_until_reached()
        with checkout.launched("second") as second:
            wait_until_it_says(second, "waiting for another launch")
            gate.open_for_two_installs()
            for process in (first, second):
                out, _ = process.communicate(timeout=BOUND_S)
                assert (process.returncode, out.count("ran in")) == (0, 1)
    calls = checkout.calls()
    assert sum(" install " in line for line in calls) == 2
    assert {line.split()[-1] for line in calls if "-m polywire" in line} == {"first", "second"}


# ---------------------------------------------------------------- test and check


def test_testing_adds_the_dev_lock_to_the_environment_that_runs(checkout: Checkout) -> None:
    """`./polywire up` may be running from it in another window."""
    checkout.run("up")
    checkout.calls()
    assert checkout.run("test").returncode == 0
    calls = checkout.calls()
    assert not any("-m venv" in line for line in calls)
    assert sum("requirements/dev.txt" in line for line in calls) == 1
    checkout.run("up")
    checkout.run("test")
    assert checkout.installs() == []


@pytest.mark.parametrize(
    ("arguments", "passed"),
    [
        ([], "not slow"),
        (["-k", "a book", "tests/core"], "not slow -k a book tests/core"),
        (["-x", "--slow", "-q"], "slow -x -q"),
    ],
)
def test_testing_runs_the_fast_tests_or_the_slow_ones_from_the_root(
    checkout: Checkout, arguments: list[str], passed: str
) -> None:
    done = checkout.run("test", *arguments)
    assert done.stdout == f"ran in {checkout.root} with no path and no home\n"
    assert checkout.calls()[-1].rstrip() == f"venv python -m pytest -n 3 --dist loadfile -m {passed}"


def test_every_check_runs_even_if_the_first_fails(checkout: Checkout) -> None:
    for name in ("ruff", "mypy", "lint-imports", "codespell"):
        script(checkout.machine / "tools" / name, TOOL)
    checkout.run("test")
    for tool in (checkout.machine / "tools").iterdir():
        (checkout.root / ".venv" / "bin" / tool.name).symlink_to(tool)
    checkout.calls()

    done = checkout.run("check")
    assert done.returncode == 0
    steps = ["ruff format --check .", "ruff check .", "mypy ", "lint-imports --no-logo", "codespell "]
    assert checkout.calls() == steps

    done = checkout.run("check", FAKE_FAILING="ruff lint-imports")
    assert done.returncode == 1
    assert checkout.calls() == steps
    assert done.stderr == "polywire: check failed: ruff format --check ., ruff check ., lint-imports --no-logo\n"


@pytest.mark.parametrize(("failing", "code"), [("check", 1), ("test", 1), ("none", 0)])
def test_continuous_integration_runs_the_two_commands_and_fails_if_either_does(
    tmp_path: Path, failing: str, code: int
) -> None:
    ci = shutil.copytree(LAUNCHER.with_name(".ci"), tmp_path / ".ci") / "run"
    script(tmp_path / "polywire", f'#!/bin/sh\necho "$*"\n[ "$1" != {failing} ]\n')
    done = subprocess.run([ci], capture_output=True, text=True, timeout=BOUND_S, check=False)  # our own
    assert (done.stdout, done.returncode) == ("check\ntest\n", code)
