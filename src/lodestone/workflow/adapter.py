"""The edge between a workflow script and its `main`: Snakemake's object or a command line in, exit code out.

A script ends with `run(main, globals())`. Inside a rule the arguments of `main` are the rule's inputs,
outputs and params of the same names; from a shell they are options of the same names, and `settings`
is the slice of a campaign file that the stage depends on. What `main` annotates with a model is checked
by it. Either way threads are set before any numerical library is imported; in a rule they are those that
Snakemake gives the job, and the log tells them, where they are from, and whether a GPU is asked for.
A wrong campaign file ends with exit code 2 and its faults, and so does a GPU that was asked for and
cannot be used; a job that was asked to stop with exit code 75, and any other failure with exit code 1
and one line; the traceback is in the log.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import traceback
import typing
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from lodestone.runtime import remembered
from lodestone.runtime.signals import EXIT_CODE, Stopped, listen

if TYPE_CHECKING:
    from pydantic import BaseModel

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "POLARS_MAX_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)
NOT_ARGUMENTS = ("code",)  # params that exist only so that a change of them reruns the rule

Main = Callable[..., str | None]


def run(main: Main, script: Mapping[str, Any]) -> None:
    """Run `main` for the script whose globals are `script`; raises SystemExit where it fails."""
    listen()
    job = script.get("snakemake")
    if job is None:
        stage = Path(script["__file__"]).stem
        set_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
        raise SystemExit(
            guarded(lambda: _say(_called(main, from_command_line(main, stage), stage), sys.stdout))
        )
    from lodestone.runtime.signals import end_with_parent

    end_with_parent()
    set_threads(job.threads)
    with logged_to(Path(job.log[0]) if job.log else None):
        log = getattr(sys.stderr, "log", sys.stderr)
        code = guarded(lambda: _work(main, job, log))
    if code:
        raise SystemExit(code)


def _work(main: Main, job: Any, log: TextIO) -> None:
    _say(given_to(job), log)
    _say(_called(main, from_rule(main, job), str(job.rule)), log)


def _called(main: Main, arguments: Mapping[str, Any], stage: str) -> str | None:
    remembered.begin(arguments.get("state"), stage)
    return main(**arguments)


def _say(text: str | None, stream: TextIO) -> None:
    if text is not None:
        print(text, file=stream, flush=True)


def set_threads(threads: int) -> None:
    """Tell every numerical library that is not imported yet how many threads a job has.

    More threads than cores cost a factor of five beside another busy process, so the job's
    share wins over what the shell says.
    """
    for variable in THREAD_VARIABLES:
        os.environ[variable] = str(threads)


def given_to(job: Any) -> str:
    """What Snakemake gives a job, for its log: threads, and the GPU that it is to use, which is settled here.

    Raises:
        DeviceError: `LODESTONE_DEVICE` is no allowed word.
    """
    from lodestone.runtime.device import settle
    from snakemake_executor_plugin_submitit.resources import gpus_in_words

    threads = threads_in_words(job.threads, _own_threads(job), len(os.sched_getaffinity(0)))
    return f"{threads}\n{settle(gpus_in_words(dict(job.resources.items())))}"


def threads_in_words(threads: int, own: int | None, usable: int) -> str:
    """The threads of a job and where they are from; `own` are its rule's, `usable` its CPUs."""
    if own is None or threads == own:
        source = "as its rule says"
    elif threads > own:
        source = f"from set-threads, as of the profile; its rule says {own}"
    else:
        source = f"from set-threads, or no more cores were given (--cores); its rule says {own}"
    few = f"; only {usable} CPUs are usable, which slows it down" if usable < threads else ""
    return f"threads: {threads}, {source}{few}"


def _own_threads(job: Any) -> int | None:
    """The threads that the rule of a job names, in the rules beside its script; None where there are none."""
    from lodestone.workflow.jobs import RulesError, read_rules

    with suppress(RulesError):
        needs = read_rules(Path(job.scriptdir).parent / "rules").get(job.rule)
        return needs.threads if needs else None
    return None


def guarded(call: Callable[[], None]) -> int:
    """Exit code of `call`, with a message on stderr unless it is 0.

    2 for a wrong campaign file or a GPU that is asked for and not to be used, 75 where the job stopped as
    asked, 1 for any other failure.
    """
    from lodestone.config import ConfigError
    from lodestone.runtime.device import DeviceError

    try:
        call()
    except (ConfigError, DeviceError) as error:
        print(error, file=sys.stderr)
        return 2
    except Stopped as stopped:
        print(stopped, file=sys.stderr)
        return EXIT_CODE
    except Exception as error:  # noqa: BLE001 - the last line of defence of a job
        log = getattr(sys.stderr, "log", None)
        with suppress(OSError):  # the disk of the log is full
            traceback.print_exc(file=log or sys.stderr)
        if log is not None:
            where = f" (traceback in {log.name})"
            print(f"{type(error).__name__}: {error}{where}", file=sys.stderr)
        return 1
    return 0


def from_rule(main: Main, job: Any) -> dict[str, Any]:
    """Arguments of `main` from the input, output and params of the same names of a Snakemake job."""
    given: dict[str, Any] = {}
    for name, files in (*job.input.items(), *job.output.items()):
        given[name] = Path(files) if isinstance(files, str) else [Path(file) for file in files]
    given |= {name: value for name, value in job.params.items() if name not in NOT_ARGUMENTS}
    kinds = _kinds(main)
    unknown, missing = sorted(given.keys() - kinds), sorted(_required(main) - given.keys())
    if unknown or missing:
        raise TypeError(f"rule {job.rule} and its script disagree: unknown {unknown}, missing {missing}")
    return {name: _cast(value, kinds[name], f"{job.rule}: {name}") for name, value in given.items()}


def from_command_line(main: Main, stage: str, arguments: list[str] | None = None) -> dict[str, Any]:
    """Arguments of `main` from options of the same names; `settings` comes from `--config CAMPAIGN.yaml`."""
    kinds, required = _kinds(main), _required(main)
    parser = argparse.ArgumentParser(prog=f"scripts/{stage}.py", description=main.__doc__)
    for name, kind in kinds.items():
        option = "--" + name.replace("_", "-")
        if name == "settings":
            parser.add_argument("--config", type=Path, required=True, help="campaign file (YAML)")
            parser.add_argument("--variant", help="one of the file's variants")
            parser.add_argument("--allow-functions", action="store_true", help="let its Python functions run")
            parser.add_argument("--arm", help="name of the arm")
            parser.add_argument("--shard", type=int, help="index of the shard within its arm")
        elif kind == list[Path]:
            parser.add_argument(option, type=Path, nargs="+", required=name in required)
        else:
            parser.add_argument(option, type=kind, required=name in required)
    given = vars(parser.parse_args(arguments))
    values = {name: given[name] for name in kinds if given.get(name) is not None}
    if "settings" in kinds:
        chosen: dict[str, Any] = {"variant": given["variant"]} if given["variant"] else {}
        chosen |= {"allow_functions": True} if given["allow_functions"] else {}
        found = stage_settings(stage, given["config"], given["arm"], given["shard"], chosen)
        values["settings"] = typed_settings(main, stage, found)
    return values


def typed_settings(main: Main, stage: str, settings: Mapping[str, Any]) -> Any:
    """The settings of a stage as its `main` takes them: the model that it names, or the mapping itself.

    Raises:
        TypeError: a key is unknown, missing or of a wrong type; the stage and the key are named.
    """
    return _cast(settings, _kinds(main)["settings"], f"{stage}: settings")


def stage_settings(
    stage: str,
    config: Path,
    arm: str | None,
    shard: int | None,
    overrides: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The slice of a campaign file that a stage (of an arm, of a shard) depends on."""
    from lodestone.workflow.wiring import load, stage_settings

    return stage_settings(load([config], overrides), stage, arm=arm, shard=shard)


class _Tee:
    """Writes text to the terminal and to the log of the job.

    What cannot be written, as on a full disk, is dropped: no job ends because of what it has to say.
    """

    def __init__(self, terminal: TextIO, log: TextIO) -> None:
        self.terminal, self.log = terminal, log

    def write(self, text: str) -> int:
        for stream in (self.terminal, self.log):
            with suppress(OSError):
                stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Nothing is held back."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.terminal, name)


@contextmanager
def logged_to(path: Path | None) -> Iterator[None]:
    """Copy stderr into `path`; what libraries write past Python goes there alone."""
    log = None if path is None else _opened(path)
    if log is None:
        yield
        return
    terminal = _unbuffered(os.dup(2))
    python_stderr, raw = sys.stderr, os.dup(2)
    with log, terminal:
        sys.stderr.flush()
        os.dup2(log.fileno(), 2)
        sys.stderr = typing.cast("TextIO", _Tee(terminal, log))
        try:
            yield
        finally:
            sys.stderr = python_stderr
            os.dup2(raw, 2)
            os.close(raw)


def _opened(path: Path) -> TextIO | None:
    """The log; None, and a word on the terminal, where it cannot be made."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return _unbuffered(path)
    except OSError as error:
        print(f"no log in {path} ({error.strerror}); what it would say goes to the terminal", file=sys.stderr)
        return None


def _unbuffered(file: Path | int) -> TextIO:
    """A text file without a buffer, in which a write that failed would stay and fail again."""
    return io.TextIOWrapper(io.FileIO(file, "w"), "utf-8", "backslashreplace", write_through=True)


def _kinds(main: Main) -> dict[str, Any]:
    hints = typing.get_type_hints(main)
    hints.pop("return", None)
    return hints


def _required(main: Main) -> set[str]:
    return _kinds(main).keys() - (main.__kwdefaults__ or {}).keys()


def _cast(value: Any, kind: Any, where: str) -> Any:
    if kind is Path and not isinstance(value, Path):
        return Path(value)
    if kind == list[Path]:
        return [Path(item) for item in (value if isinstance(value, list) else [value])]
    model = _model(kind)
    return value if model is None or value is None else _validated(value, model, where)


def _model(kind: Any) -> type[BaseModel] | None:
    """The pydantic model that an annotation names, alone or beside None."""
    from pydantic import BaseModel

    named = [one for one in (kind, *typing.get_args(kind)) if isinstance(one, type)]
    return next((one for one in named if issubclass(one, BaseModel)), None)


def _validated(value: Any, model: type[BaseModel], where: str) -> BaseModel:
    from pydantic import ValidationError

    try:
        return model.model_validate(value)
    except ValidationError as error:
        faults = (".".join([where, *map(str, one["loc"])]) + f": {one['msg']}" for one in error.errors())
        raise TypeError("; ".join(faults)) from error
