"""How long synth takes with this library, compared with the template by hand and with two other libraries.

Each measurement is one child process from start to exit: import, build, synthesize, write. The apps alternate within
each round, so that a busy moment of the machine affects all of them. The processor time is that of the child and of
its Node processes. Ours runs as cdk.json runs it, with `python -O`, which leaves out the type checks that aws-cdk-lib's
Python makes of every argument before Node makes them again; the others run as `cdk init` would have them, without.
With `--optimize-all` all of them run with it.

Run it with `make bench`, or by hand from the top of the repository, in an environment made of `requirements/bench.txt`:

    python -m benchmarks.synth --endpoints 1,100,400 --runs 5
    python -m benchmarks.synth --check
"""

import argparse
import json
import os
import re
import shlex
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from scripts.node import use_bundled_node

REPOSITORY = Path(__file__).resolve().parents[1]
ARTIFACT = REPOSITORY / "examples/digits/model"

APPS = {
    "ours": "this library",
    "l1": "(a) the same template, L1s by hand",
    "sagemaker_alpha": "(b) aws-cdk.aws-sagemaker-alpha",
    "generative_ai": "(c) cdklabs.generative-ai-cdk-constructs",
}
YARDSTICK = "l1"

# What the CDK command line adds to the context of cdk.json: a synth without it does less than users wait for.
CLI_CONTEXT = {
    "aws:cdk:enable-path-metadata": True,
    "aws:cdk:enable-asset-metadata": True,
    "aws:cdk:version-reporting": True,
}

Resource = Mapping[str, object]


class BenchmarkError(Exception):
    """An app that did not run, or that made something else than it was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What one child process took, in seconds."""

    wall: float
    cpu: float


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line."""
    arguments = _parse(argv)
    use_bundled_node()
    try:
        with _workspace() as workspace:
            if arguments.check:
                check(arguments.only, workspace=workspace)
            else:
                for validation in {"on": [True], "off": [False], "both": [True, False]}[arguments.validation]:
                    for endpoints in arguments.endpoints:
                        samples = measure(
                            arguments.only,
                            endpoints,
                            arguments.runs,
                            validation=validation,
                            optimize_all=arguments.optimize_all,
                            workspace=workspace,
                        )
                        print(render(samples, endpoints, validation=validation), flush=True)
    except BenchmarkError as error:
        print(f"benchmarks.synth: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def measure(
    apps: Sequence[str], endpoints: int, runs: int, *, validation: bool, optimize_all: bool, workspace: Path
) -> dict[str, list[Sample]]:
    """Time each app `runs` times, one after the other in each round.

    A first round, thrown away, fills the caches of the disk, of Python's bytecode and of the archive.
    """
    samples: dict[str, list[Sample]] = {app: [] for app in apps}
    for round_ in range(runs + 1):
        order = list(apps) if round_ % 2 == 0 else list(reversed(apps))
        for app in order:
            _progress(f"{endpoints} endpoints, round {round_}/{runs}: {app}")
            flags = python_flags() if optimize_all or app == "ours" else []
            outdir = workspace / "out" / app
            sample = synthesize(app, endpoints, outdir, flags=flags, validation=validation, workspace=workspace)
            if round_ > 0:
                samples[app].append(sample)
    _progress("")
    return samples


def python_flags() -> list[str]:
    """Give Python's own flags in the command by which cdk.json runs the app."""
    command = shlex.split(json.loads((REPOSITORY / "cdk.json").read_text())["app"])
    return command[1 : command.index("app.py")]


def synthesize(
    app: str, endpoints: int, outdir: Path, *, flags: Sequence[str] = (), validation: bool, workspace: Path
) -> Sample:
    """Run one app in a child process and return what it took."""
    command = [
        sys.executable,
        *flags,
        "-m",
        f"benchmarks.apps.{app}",
        str(endpoints),
        str(_archive(workspace) if app != "ours" else ARTIFACT),
        str(outdir),
    ]
    # The first round is to leave bytecode for the others, as a first synth does for those after it; and each app says
    # for itself how Node is to run.
    own = {name: value for name, value in os.environ.items() if name not in ("PYTHONDONTWRITEBYTECODE", "NODE_OPTIONS")}
    environment = own | {
        "CDK_VALIDATION": "true" if validation else "false",
        "CDK_CONTEXT_JSON": json.dumps(_context()),
        "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
    }
    log_path = workspace / f"{app}.log"
    with log_path.open("wb") as log:
        start = time.perf_counter()
        child = subprocess.Popen(command, cwd=REPOSITORY, env=environment, stdout=log, stderr=subprocess.STDOUT)
        # `wait4` gives the resources of this child and of the Node processes that it waited for, and of nobody else.
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        last_lines = "\n".join(log_path.read_text(errors="replace").splitlines()[-8:])
        raise BenchmarkError(f"'{app}' with {endpoints} endpoints ended with status {child.returncode}:\n{last_lines}")
    return Sample(wall=wall, cpu=usage.ru_utime + usage.ru_stime)


def render(samples: Mapping[str, Sequence[Sample]], endpoints: int, *, validation: bool) -> str:
    """Lay out the samples of one size as a table: medians, their range, and the ratio to the yardstick."""
    yardstick = samples.get(YARDSTICK)
    runs = len(next(iter(samples.values())))
    title = f"{endpoints} endpoints, CDK's template validation {'on' if validation else 'off'}, {runs} runs"
    lines = [
        "",
        f"{title}: seconds, median (min to max)",
        f"{'':<42}{'wall':>24}{'x (a)':>8}{'CPU, user + system':>26}{'x (a)':>8}",
    ]
    for app, taken in samples.items():
        wall, cpu = [sample.wall for sample in taken], [sample.cpu for sample in taken]
        wall_ratio = cpu_ratio = ""
        if yardstick:
            wall_ratio = f"{statistics.median(wall) / statistics.median(sample.wall for sample in yardstick):.2f}"
            cpu_ratio = f"{statistics.median(cpu) / statistics.median(sample.cpu for sample in yardstick):.2f}"
        lines.append(f"{APPS[app]:<42}{_spread(wall):>24}{wall_ratio:>8}{_spread(cpu):>26}{cpu_ratio:>8}")
    return "\n".join(lines)


def check(apps: Sequence[str], *, workspace: Path) -> None:
    """Hold the apps to the same work: the endpoints asked for, and (a)'s template equal to ours but for logical ids.

    Raises
    ------
    BenchmarkError
        If an app makes another number of endpoints, or a resource of ours is not in (a), or the reverse.
    """
    endpoints = 3
    resources: dict[str, list[Resource]] = {}
    outputs: dict[str, int] = {}
    for app in apps:
        outdir = workspace / "check" / app
        synthesize(app, endpoints, outdir, validation=True, workspace=workspace)
        templates = [json.loads(path.read_text()) for path in sorted(outdir.glob("*.template.json"))]
        resources[app] = [resource for template in templates for resource in comparable_resources(template)]
        outputs[app] = sum(len(template.get("Outputs", {})) for template in templates)
        types = Counter(str(resource["Type"]) for resource in resources[app])
        print(f"{app}: {types.total()} resources, {outputs[app]} outputs for {endpoints} endpoints")
        for type_, count in sorted(types.items()):
            print(f"  {count:>3} x {type_}")
        if types["AWS::SageMaker::Endpoint"] != endpoints:
            raise BenchmarkError(f"'{app}' made {types['AWS::SageMaker::Endpoint']} endpoints, not {endpoints}")
    if "ours" in resources and YARDSTICK in resources:
        differences = list(_differences(resources["ours"], resources[YARDSTICK]))
        if outputs["ours"] != outputs[YARDSTICK]:
            differences.append(f"outputs: {outputs['ours']} in ours, {outputs[YARDSTICK]} in (a)")
        if differences:
            raise BenchmarkError("(a) and ours do not make the same template:\n" + "\n".join(differences))
        print("(a) and ours make the same template, but for logical ids and names derived from them")


def comparable_resources(template: Mapping[str, Mapping[str, Mapping[str, object]]]) -> list[Resource]:
    """Return the template's resources without what may differ between two authors of the same template.

    A logical id becomes the type that it stands for, an asset's content hash and a policy's name become a word, a list
    of dependencies becomes ordered, and metadata are dropped.
    """
    resources = {
        logical_id: resource
        for logical_id, resource in template["Resources"].items()
        if resource["Type"] != "AWS::CDK::Metadata"
    }
    types = {logical_id: str(resource["Type"]) for logical_id, resource in resources.items()}

    def neutral(value: object) -> object:
        if isinstance(value, str):
            return types.get(value, re.sub(r"[0-9a-f]{64}(\.[a-z.]+)?", "<asset>", value))
        if isinstance(value, list):
            return [neutral(item) for item in value]
        if isinstance(value, dict):
            return {key: neutral(item) for key, item in value.items() if key not in {"Metadata", "PolicyName"}}
        return value

    result: list[Resource] = []
    for resource in resources.values():
        plain = neutral(resource)
        assert isinstance(plain, dict)
        if "DependsOn" in plain:
            plain["DependsOn"] = sorted(plain["DependsOn"])
        result.append(plain)
    return result


def _differences(ours: Sequence[Resource], theirs: Sequence[Resource]) -> Iterator[str]:
    def count(resources: Sequence[Resource]) -> Counter[str]:
        return Counter(json.dumps(resource, sort_keys=True, indent=2) for resource in resources)

    for title, surplus in (
        ("in ours alone", count(ours) - count(theirs)),
        ("in (a) alone", count(theirs) - count(ours)),
    ):
        for text, number in sorted(surplus.items()):
            yield f"{title}, {number} times:\n{text}"


def _archive(workspace: Path) -> Path:
    """Return the model as an archive, which the other apps are given ready-made."""
    path = workspace / "model.tar.gz"
    if not path.exists():
        with tarfile.open(path, "w:gz") as archive:
            archive.add(ARTIFACT, arcname=".", filter=lambda entry: None if "__pycache__" in entry.name else entry)
    return path


def _context() -> dict[str, object]:
    settings = REPOSITORY / "cdk.json"
    context = json.loads(settings.read_text()).get("context", {}) if settings.exists() else {}
    return {**context, **CLI_CONTEXT}


def _spread(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


@contextmanager
def _workspace() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="bench-synth-") as name:
        yield Path(name)


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    def positive(text: str) -> int:
        if not text.isdecimal() or int(text) == 0:
            raise argparse.ArgumentTypeError(f"'{text}' is not a whole number above 0")
        return int(text)

    def sizes(text: str) -> list[int]:
        return [positive(size) for size in text.split(",")]

    def names(text: str) -> list[str]:
        chosen = text.split(",")
        for name in chosen:
            if name not in APPS:
                raise argparse.ArgumentTypeError(f"'{name}' is not an app; choose from {', '.join(APPS)}")
        return chosen

    parser = argparse.ArgumentParser(prog="python -m benchmarks.synth", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--endpoints", type=sizes, default=[1, 100, 400], help="sizes, as in 1,100,400")
    parser.add_argument(
        "--runs", type=positive, default=5, help="measured rounds per size, after one that is thrown away"
    )
    parser.add_argument("--only", type=names, default=list(APPS), help=f"apps to run: {','.join(APPS)}")
    parser.add_argument(
        "--validation", choices=("on", "off", "both"), default="on", help="CDK's template validation (default: on)"
    )
    parser.add_argument("--optimize-all", action="store_true", help="run the other apps with `python -O` as well")
    parser.add_argument("--check", action="store_true", help="compare what the apps make, and time nothing")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
