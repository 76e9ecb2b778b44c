"""Read an application, infer, ask what is left, and write its file. Nothing below its folder is ever written."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from scripts.adopt import documents, folder_kinds, infer, lost, matching, packages, record, resolving, units, workers
from scripts.adopt.facts import Described
from scripts.adopt.inference import entries, jobs, programs
from scripts.adopt.inference.decision import BROKER, Decision, Question, Whole
from scripts.adopt.packages import folder_of, join
from scripts.adopt.tree import Tree, scan
from scripts.dockerfiles.ignore import IgnoreRules, ignore_rules
from scripts.errors import UserError
from scripts.host.files import write_whole
from scripts.host.paths import relative
from scripts.host.shell import Shell
from scripts.images import base_images
from scripts.settings import contradictions, reading
from scripts.settings.assemble import app_file

MOST_SENT = 500_000_000  # bytes
PRISMA_ENGINES = "https://binaries.prisma.sh"
REFERENCE = "todo-chatbot"
EMPTY_PAGE = "the repository holds no page of it, neither in app/ nor in pages/: it answers 404"
Asker = Callable[[Question], str]


@dataclass(frozen=True)
class Request:
    """A request to adopt: the folder, the app's name, answers by key, and whether an own chart is preferred."""

    path: Path
    name: str = ""
    answers: Mapping[str, str] = field(default_factory=dict)
    own_chart: bool = False


@dataclass(frozen=True)
class Adopted:
    """The result of adopting: the file's name and text, what it was before, what was concluded."""

    name: str
    file: Path
    text: str
    before: str
    decision: Decision


def adopt(request: Request, root: Path, shell: Shell, ask: Asker | None, helm: Callable[[], Path]) -> Adopted:
    """Infer an app's file. Raises UserError where PATH holds no app, or answers are missing and nobody can be asked."""
    path = request.path.expanduser()
    if root.is_relative_to(path.resolve()):
        text = f"{path}: holds this checkout, which is no application to adopt"
        raise UserError(text, "name the application's own folder, as in: invoke adopt ../their-app")
    tree = scan(path.resolve())
    answers = dict(request.answers)
    while True:
        decision = _decide(tree, answers, shell, request, helm)
        if not decision.questions:
            break
        for question in decision.questions:
            answers[question.key] = _answer(question, decision.questions, ask)
    name = request.name or _own_name(units.clean(tree.root.name))
    own: dict[str, Any] = {"source": relative(tree.root, root), "release": {"name": name, "namespace": name}}
    data = own | decision.data | {"release": own["release"] | decision.data.get("release", {})}
    file = root / app_file(name)
    before = file.read_text(encoding="utf-8") if file.is_file() else ""
    old = reading.read(file, root) if before else {}
    _refuse_another(old, tree.root, root, name)
    kept = record.merge({key: value for key, value in old.items() if key != "adopted"}, old.get("adopted") or {}, data)
    text = record.dump(kept | {"adopted": data}, decision.reasons, _head(name, tree))
    return Adopted(name, file, text, before, decision)


def _refuse_another(old: Mapping[str, Any], source: Path, root: Path, name: str) -> None:
    """Raise UserError where the file of that name is about another application, which is still there."""
    other = (root / str(old.get("source", source))).resolve()
    if other != source and other.is_dir():
        text = f"{app_file(name)}: is about another application, {other}"
        raise UserError(text, f"give this one another name: --name {name}-2")


def write(adopted: Adopted, root: Path) -> None:
    """Write the app's file, and name it in config/pipeline.yaml."""
    write_whole(adopted.file, adopted.text)
    pipeline = root / "config/pipeline.yaml"
    text = pipeline.read_text(encoding="utf-8")
    changed = re.sub(r"(?m)^app:.*$", f"app: {adopted.name}", text, count=1)
    if changed != text:
        write_whole(pipeline, changed, mode=pipeline.stat().st_mode & 0o777)


def _own_name(name: str) -> str:
    """Return the folder's name; the reference app's file is never written over."""
    return f"{name}-app" if name == REFERENCE else name


def _head(name: str, tree: Tree) -> str:
    return (
        f"{name}, adopted from {tree.root}: what `invoke adopt` inferred. Change it as you like: adopting again\n"
        "keeps what you changed. Keys: scripts/settings/app.schema.json; guide: docs/adapting.md."
    )


def _answer(question: Question, all_questions: list[Question], ask: Asker | None) -> str:
    if ask is None:
        lines = [
            f"{one.key}: {one.text}" + (f" [{', '.join(one.options)}]" if one.options else "") for one in all_questions
        ]
        raise UserError(
            "answers are missing:\n" + "\n".join(lines),
            "put them into a file as KEY: VALUE, and give it: --answers FILE",
        )
    return ask(question)


def _decide(
    tree: Tree, answers: Mapping[str, str], shell: Shell, request: Request, helm: Callable[[], Path]
) -> Decision:
    questions: list[Question] = []
    composed, others, remarks = _composed(tree)
    root, question = _one_copy(tree, composed, answers)
    if question:
        return Decision(questions=[question])
    if root:
        composed, others, remarks = _composed(tree, root)
    chosen, left = units.candidates(tree, composed, root or ".")
    remarks += [*_not_fetched(tree, shell), *tree.remarks, *packages.unreadable(tree), *left]
    if not chosen:
        raise UserError(
            "\n".join(
                [
                    f"{tree.root}: no application: no compose file, Dockerfile or package file tells of a service",
                    *remarks[:5],
                ]
            ),
            "name the folder that holds one",
        )
    remarks += entries.take_whole(tree, chosen)
    chosen += workers.unstarted(tree, chosen)
    chosen, brought = _without(chosen, answers)
    chosen, off = units.without_a_broker(chosen, brought)
    remarks += off
    _unique(chosen)
    charts, described, more = _described(tree, shell, helm, root or ".")
    remarks += matching.describe(chosen, described)
    own = _own_chart(charts, chosen) if request.own_chart else ("", {})
    hosts = {name: item.service for name, item in own[1].items() if item.service}
    examples, wrong = _examples(tree, root or ".")
    remarks += wrong
    whole = Whole(tree, chosen, examples, others, _date(tree, shell), _registry(), answers, hosts)
    decision = infer.decide(whole)
    infer.sqlite_volumes(decision.data)
    _whole_sources(chosen, tree, answers)
    _pins(decision, chosen, tree, answers, shell)
    decision.questions = [one for one in [*questions, *decision.questions] if one.key not in answers]
    decision.remarks = [*remarks, *more, *decision.remarks, *infer.uncalled(whole, decision.data)]
    decision.remarks += _remarks(decision, chosen, tree)
    if request.own_chart:
        _by_own_chart(decision, tree, *own, list(charts))
    return decision


def _remarks(decision: Decision, chosen: Sequence[units.Unit], tree: Tree) -> list[str]:
    """Return what a person should know of the services although it keeps none from being built."""
    unread = dict.fromkeys(place for unit in chosen for place in unit.code.unread)
    return [
        *(line for name, spec in decision.data["services"].items() if (line := _heavy(tree, name, spec))),
        *_engines(chosen, tree),
        *(
            f"{unit.place}: {unit.name}: {EMPTY_PAGE}"
            for unit in chosen
            if unit.kind == "nextjs" and not lost.has_pages(tree, unit.sources)
        ),
        *(f"{place}: not read: it is not Python" for place in list(unread)[:5]),
    ]


def _heavy(tree: Tree, name: str, spec: Mapping[str, Any]) -> str:
    """Return a line where the folder of an image holds more than a build should be sent; empty where it does not."""
    context = spec["context"]
    recipe = tree.root / (spec.get("dockerfile") or join(context, "Dockerfile"))
    own = ignore_rules(tree.root / context, recipe) if recipe.is_file() else IgnoreRules()
    more = IgnoreRules("\n".join(spec.get("ignore", [])))
    paths = {file: file if context == "." else file[len(context) + 1 :] for file in tree.below(context)}
    sent = {file: tree.size(file) for file, path in paths.items() if not own.ignores(path) and not more.ignores(path)}
    if (total := sum(sent.values())) < MOST_SENT:
        return ""
    largest = max(sent, key=lambda file: sent[file])
    return (
        f"{name}: each build is sent {total / 1e9:.1f} GB, most of it {largest} ({sent[largest] / 1e9:.1f} GB):"
        f" put what its image does not need into services.{name}.ignore"
    )


def _without(chosen: list[units.Unit], answers: Mapping[str, str]) -> tuple[list[units.Unit], bool]:
    """Leave out the services that the person does without, and say whether Kafka is none of these.

    Raises UserError for a name that is none of them.
    """
    names = [name.strip() for name in answers.get("without", "").split(",") if name.strip()]
    known = [unit.name for unit in chosen] + [BROKER] * any(map(units.calls_a_broker, chosen))
    for name in names:
        if name not in known:
            raise UserError(f"without: {name}: no such service", f"there are: {', '.join(known)}")
    return [unit for unit in chosen if unit.name not in names], BROKER not in names


def _agreed(answer: str) -> bool:
    """Return whether an answer is yes, which YAML reads as true."""
    return answer in ("yes", "true")


def _whole_sources(chosen: list[units.Unit], tree: Tree, answers: Mapping[str, str]) -> None:
    """See that the pages have what they import. Raises UserError where they do not, unless the person says so."""
    for unit in chosen:
        found = lost.imports(tree, unit.sources) if unit.kind in folder_kinds.PAGE_KINDS else {}
        if found and not _agreed(answers.get(f"{unit.name}.incomplete", "no")):
            said, place = next(iter(found.items()))
            more = f" and {len(found) - 1} more" if len(found) > 1 else ""
            reason = lost.ignored_by(tree, f"{unit.sources}/{said.removeprefix('@/')}".removeprefix("./"))
            raise UserError(
                f"{place} imports {said}{more}, which the repository does not hold{f': {reason}' if reason else ''}",
                f"commit what is missing; are they types only, answer {unit.name}.incomplete: yes",
            )


def _pins(decision: Decision, chosen: list[units.Unit], tree: Tree, answers: Mapping[str, str], shell: Shell) -> None:
    """Ask whether a version is left open where the requirements of a service contradict each other.

    Raises UserError where leaving one open does not help.
    """
    for unit in chosen:
        file = join(unit.sources, "requirements.txt")
        if not unit.python or not programs.installs_requirements(
            unit, tree, "builder" in decision.data["services"][unit.name]
        ):
            continue
        text, python = packages.whole_text(tree, file), "3.13" if "3.13" in unit.python.python else "3.11"
        wrong = _contradiction(text, python, shell)
        while (name := resolving.missing(wrong)) and name.replace("-", "_") not in jobs.imports(unit, tree):
            if (rest := resolving.without(text, name)) == text:
                break  # one that another package asks for
            decision.data["services"][unit.name].setdefault("dropPackages", []).append(name)
            why = f"{file}: no registry has it, nothing imports it"
            decision.because(f"services.{unit.name}.dropPackages", name, why)
            text, wrong = rest, _contradiction(rest, python, shell)
        if wrong and not wrong.loosen:
            raise UserError(f"{file}: {wrong.said}", f"change {file}: no build can install it as it is")
        key, names = f"{unit.name}.loosen", ", ".join(wrong.loosen) if wrong else ""
        if wrong and _agreed(answers.get(key, "yes")):
            decision.data["services"][unit.name].setdefault("loosePackages", []).extend(wrong.loosen)
            decision.because(f"services.{unit.name}.loosePackages", names, f"{file}: {wrong.said}")
            _found_versions(decision, unit, text, python, shell)
        if wrong:
            whose = "its version" if len(wrong.loosen) == 1 else "their versions"
            said = f"{file}: {wrong.said}: take {names} without {whose}?"
            decision.questions.append(Question(key, said, ("yes", "no"), "yes"))


def _found_versions(decision: Decision, unit: units.Unit, text: str, python: str, shell: Shell) -> None:
    """Ask for the versions that go together where a service's own Dockerfile installs its packages: pip, which tries
    one version after another of what is left open, may not come to an end.
    """
    spec = decision.data["services"][unit.name]
    if "builder" in spec:
        return
    before = spec.get("buildEnvironment", {}).get("UV_EXCLUDE_NEWER", "")
    if found := _versions(text, tuple(spec["loosePackages"]), python, shell, before):
        spec["addPackages"] = [*spec.get("addPackages", []), *found]
        decision.because(f"services.{unit.name}.addPackages", ", ".join(found), "the versions that go with the others")


@cache
def _versions(text: str, names: tuple[str, ...], python: str, shell: Shell, before: str) -> tuple[str, ...]:
    """Return the versions that go together; the same is asked once, however often the person answers."""
    return resolving.versions(text, names, python, shell, before)


@cache
def _contradiction(text: str, python: str, shell: Shell) -> resolving.Contradiction | None:
    """Return what does not go together; the same text is asked about once, however often the person answers."""
    return resolving.contradiction(text, resolving.resolver(shell, python))


def _registry() -> bool:
    return base_images.registry_answers()


def _engines_answer() -> bool:
    return bool(base_images.status(PRISMA_ENGINES))


def _engines(chosen: Sequence[units.Unit], tree: Tree) -> Iterator[str]:
    """Yield a line for each service whose build fetches Prisma's engines, which no registry of packages has, where they
    cannot be had.
    """
    schemas = {unit.name: join(unit.sources, "prisma/schema.prisma") for unit in chosen}
    fetching = [unit for unit in chosen if tree.has(schemas[unit.name])]
    if not fetching or _engines_answer():
        return
    for unit in fetching:
        place = unit.packages.place("prisma") or unit.packages.place("@prisma/client") or schemas[unit.name]
        host, key = PRISMA_ENGINES.partition("://")[2], f"services.{unit.name}.buildEnvironment"
        said = f"its build fetches Prisma's engines from {host}, which does not answer from here, and will fail"
        yield f"{place}: {unit.name}: {said}; a mirror of them goes into {key}: PRISMA_ENGINES_MIRROR"


def _composed(tree: Tree, root: str = ".") -> tuple[list[Described], dict[str, str], list[str]]:
    """Return the services of the plainest compose file below a folder that builds any; and the others' images."""
    remarks: list[str] = []
    for file in documents.compose_files(tree):
        if root != "." and not file.startswith(f"{root}/"):
            continue
        try:
            built, others = documents.compose(tree, file)
        except ValueError as error:
            remarks.append(f"{file}: not read: {error}")
            continue
        if built:
            return built, others, remarks
    return [], {}, remarks


def _one_copy(tree: Tree, composed: list[Described], answers: Mapping[str, str]) -> tuple[str, Question | None]:
    """Return the folder of one application, where a repository holds several copies or applications; empty for one."""
    roots = folder_kinds.roots_of_pages(tree)
    if len(roots) < 2 or folder_kinds.builds_a_page(tree, composed):
        return "", None
    answer = answers.get("copy", "")
    if answer in roots:
        return answer, None
    text = f"several applications, or copies of one: {', '.join(roots)}: which one?"
    begun = [root for root in roots if _only_begun(tree, root)]
    lacking = [root for root in roots if root not in begun and _lacks_sources(tree, root)]
    whole = [root for root in roots if root not in (*begun, *lacking)]
    if not whole and not any(key.endswith(".incomplete") for key in answers):
        _refuse_copies(tree, roots)
    whole = whole or list(roots)
    whole = [root for root in whole if folder_kinds.is_answered(tree, root)] or whole
    whole = [root for root in whole if folder_kinds.knows_people(tree, root)] or whole
    if begun:
        text += f" Of {', '.join(begun)} the page is only begun."
    if lacking:
        text += f" The repository does not hold all sources of {', '.join(lacking)}."
    return "", Question("copy", text, roots, folder_kinds.newest(whole))


def _lacks_sources(tree: Tree, root: str) -> bool:
    """Return whether a page of a copy imports what the repository does not hold."""
    return any(lost.imports(tree, page) for page in _pages(tree, root))


def _only_begun(tree: Tree, root: str) -> bool:
    """Return whether the pages of a copy have no page of their own."""
    return all(folder_kinds.is_starter(tree, page) for page in _pages(tree, root))


def _pages(tree: Tree, root: str) -> list[str]:
    return [page for page in folder_kinds.pages_of(tree) if folder_kinds.project(page) == root]


def _refuse_copies(tree: Tree, roots: Sequence[str]) -> None:
    """Raise UserError where every copy imports what is not there: whichever one is chosen cannot be built."""
    first: dict[str, str] = {}
    for page in folder_kinds.pages_of(tree):
        for said, place in lost.imports(tree, page).items():
            first.setdefault(folder_kinds.project(page), f"{place} imports {said}")
    if len(first) == len(roots):
        text = "no copy of the application is whole in the repository:\n" + "\n".join(first.values())
        raise UserError(text, "commit what is missing; are they types only, answer SERVICE.incomplete: yes")


def _unique(found: list[units.Unit]) -> None:
    seen: dict[str, int] = {}
    for unit in found:
        seen[unit.name] = seen.get(unit.name, 0) + 1
        if seen[unit.name] > 1:
            unit.name = f"{unit.name}-{seen[unit.name]}"


def _described(
    tree: Tree, shell: Shell, helm: Callable[[], Path], root: str
) -> tuple[dict[str, list[Described]], list[Described], list[str]]:
    """Return each chart's workloads, rendered with the values it ships; those and the manifests'; what is not read."""
    charts = documents.charts(tree, root)
    objects, remarks = documents.manifests(tree, charts, root)
    by_chart: dict[str, list[Described]] = {}
    for chart in charts:

        def render(folder: Path) -> str:
            answer = shell.probe([helm(), "template", "adopted", str(folder)], timeout=60)
            if not answer:
                said = re.search(r"(?ms)^Error:.*?(?=\n\n|\Z)", answer.err)
                raise ValueError(" ".join((said[0] if said else answer.err or "helm gives no reason").split())[:250])
            return answer.out

        more, lines = documents.rendered(tree, chart, render)
        objects += more
        remarks += lines
        by_chart[chart] = documents.workloads(more)
    return by_chart, documents.workloads(objects), remarks


def _examples(tree: Tree, root: str) -> tuple[dict[str, dict[str, str]], list[str]]:
    """Return NAME=VALUE of each example file of the application, and a line for what is none; of a real `.env` nothing
    is ever taken but names.
    """
    from io import StringIO

    from dotenv.parser import parse_stream

    found: dict[str, dict[str, str]] = {}
    remarks: list[str] = []
    for file in tree.files:
        folder = folder_of(file)
        own = root == "." or f"{folder}/".startswith(f"{root}/") or folder == "." or root.startswith(f"{folder}/")
        if own and re.match(
            r"\.?env[.-](example|sample|template|dist)$|\.env\.(local\.)?(example|sample|template)$|env\.example$",
            Path(file).name,
        ):
            bindings = list(parse_stream(StringIO(tree.text(file))))
            found[file] = {one.key: one.value for one in bindings if one.key and one.value}
            wrong = [one.original.line for one in bindings if one.error]
            remarks += [f"{file}:{line}: not read: it is not NAME=VALUE" for line in wrong[:1]]
    return found, remarks


def _git(tree: Tree, shell: Shell, *words: str) -> str:
    """Return what git says of the tree; empty where it says nothing, and where no folder above is a repository."""
    if not any((folder / ".git").exists() for folder in (tree.root, *tree.root.parents)):
        return ""
    answer = shell.probe(["git", "-C", tree.root, *words], timeout=20)
    return answer.out if answer else ""


def _date(tree: Tree, shell: Shell) -> str:
    """Return the day of the last commit that touched the tree, or of the last change of a file of an unpacked archive;
    empty for today.
    """
    told = _git(tree, shell, "log", "-1", "--format=%cs", "--", ".").strip()
    return told if re.fullmatch(r"\d{4}-\d\d-\d\d", told) else tree.last_saved()


def _not_fetched(tree: Tree, shell: Shell) -> list[str]:
    """Return a line for each folder that git holds as a repository of its own and whose files are not here."""
    listed = _git(tree, shell, "ls-files", "-z", "--stage").split("\0")
    inner = [line.partition("\t")[2] for line in listed if line.startswith("160000 ")]
    return [
        f"{path}: a repository of its own (a submodule of git's), and none of its files is here: `git submodule update"
        " --init` brings them where .gitmodules says from where; else clone it there"
        for path in inner
        if not documents.HIDDEN.search(path) and not any(True for _ in tree.below(path))
    ]


def _own_chart(charts: Mapping[str, list[Described]], chosen: list[units.Unit]) -> tuple[str, dict[str, Described]]:
    """Return the application's chart that deploys all of its services, with the workload of each; empty for none."""
    found = ((chart, matching.deployed(chosen, items)) for chart, items in charts.items())
    return next(((chart, its) for chart, its in found if len(its) == len(chosen)), ("", {}))


def _by_own_chart(
    decision: Decision, tree: Tree, chart: str, deployed: Mapping[str, Described], charts: list[str]
) -> None:
    """Let the application's own chart deploy it: where each image goes, by where its values name it."""
    if not chart:
        why = f"none of {', '.join(charts)} deploys all services" if charts else "there is no Helm chart below PATH"
        decision.remarks.append(f"--own-chart: {why}; the product's is taken")
        return
    decision.data["release"] = {"chart": str(tree.root / chart), "podSecurity": "baseline"}
    decision.because("release.chart", chart, f"{chart}/Chart.yaml")
    decision.data.pop("jobs", None)
    values: Any = (documents.read_all(tree.text(f"{chart}/values.yaml")) or [{}])[0]
    for name, own in deployed.items():
        spec = decision.data["services"][name]
        spec["deployment"] = own.name
        for key in contradictions.CHARTS_KEYS:
            spec.pop(key, None)
        if own.service and "port" in spec:
            spec["service"] = own.service
        if place := _image_place(values, name):
            spec["imageValues"] = place


def _image_place(values: Any, name: str) -> dict[str, str]:
    """Return where a chart's values hold a service's image: repository and tag, or one text."""
    for path, value in _walk(documents.plain(values)):
        words = matching.words_of(".".join(path)) | matching.words_of(str(value) if isinstance(value, str) else "")
        if path[-1] == "image" and matching.words_of(name) & words:
            where = ".".join(path)
            if isinstance(value, str):
                return {"reference": where}
            if isinstance(value, dict) and "repository" in value:
                return {"repository": f"{where}.repository", "tag": f"{where}.tag"}
    return {}


def _walk(value: Any, path: tuple[str, ...] = ()) -> Any:
    if path:
        yield path, value
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _walk(item, (*path, str(key)))
