"""Write the gallery: a page and a contact sheet for every case study, from the case, its card and its pictures.

python tools/write_gallery.py             # every page and picture
python tools/write_gallery.py ts sap      # pictures of these case studies alone
python tools/write_gallery.py --pages     # text alone, e.g. after a network was trained anew
python tools/write_gallery.py --check     # exit 1 and name the pages that are out of date

Same code and data, same bytes: what a page says of a distribution is counted over the first pictures of each split.
"""

from __future__ import annotations

import io
import math
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from importlib import import_module, resources
from itertools import groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from failatlas.cases import RenderedCase, Weakness, cases
from failatlas.cases.fashion import N_TRAIN, Fashion
from failatlas.parameters import Parameter, Value

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image
    from torch import nn

    from failatlas.images import ImageRecord

    Pixels: TypeAlias = NDArray[np.uint8]

ROOT = Path(__file__).parents[1]
PAGES, PICTURES = Path("docs/cases"), Path("docs/images/cases")
INDEX = Path("docs/index.md")
FEW = 12  # values that are listed one by one
N_DRAWN = 500  # pictures of a split over which a distribution is counted
MOST_BYTES = 120_000  # of a contact sheet
WIDTH_PX, GAP_PX, MARGIN_PX = 900, 4, 8
ORDINARY_ROWS = 3
_LINKS = re.compile(r"(<!-- gallery -->\n).*?(<!-- end of gallery -->)", re.DOTALL)
_WRITTEN = "<!-- written by tools/write_gallery.py; change the case, not this page -->"


def pages() -> dict[Path, str]:
    """Every page of the gallery, and the documentation's index with its links, by path from the root."""
    found = {PAGES / f"{name}.md": page(name) for name in names()}
    return found | {PAGES / "index.md": gallery_index(), INDEX: linked((ROOT / INDEX).read_text(encoding="utf-8"))}


def page(name: str) -> str:
    """The page of one case study."""
    case = cases.create(name)
    sections = _rendered(case) if isinstance(case, RenderedCase) else _fashion(case)
    return "\n\n".join([f"# {name} – {case.title}", _WRITTEN, *sections]) + "\n"


def linked(text: str) -> str:
    """The documentation's index with one link a case study."""
    links = "\n".join(f"- [{name}](cases/{name}.md) – {cases.create(name).title}" for name in names())
    return _LINKS.sub(lambda match: f"{match[1]}\n{links}\n\n{match[2]}", text)


def gallery_index() -> str:
    """A table of all case studies, each with one picture."""
    head = ("", "case", "what", "planted weaknesses", "errors on the test set", "without a weakness")
    return "\n\n".join(
        [
            "# Case studies",
            _WRITTEN,
            "Each is a task, images, and a small network that really fails. Where the pictures are rendered the cause "
            "of a failure is known: the network was trained without certain conditions, and the test set has them. "
            "Rates carry their 95 % interval (Clopper–Pearson).",
            _table(head, [_index_row(name) for name in names()]),
            "`failatlas cases` lists them; every page has the commands that make the images and train the network "
            "again. How a scene is described: [simulators](../reference/simulators.md).\n",
        ]
    )


def names() -> list[str]:
    """Of all case studies, the rendered ones first."""
    return sorted((part.name for part in cases), key=lambda name: not isinstance(cases.create(name), RenderedCase))


# pages


def _rendered(case: RenderedCase) -> Iterator[str]:
    card = case.card()
    yield case.about
    yield f"![Test pictures of {case.name}](../images/cases/{case.name}.jpg)"
    yield f"Test pictures{_enlarged(case)}: ordinary ones, then every planted weakness, under each what is right."
    yield f"**Task.** {_task(case)}"
    yield f"**Original.** {_original(case)}"
    yield "## Pictures"
    yield _pictures(case)
    yield "## What an ordinary picture is like"
    yield from _distribution(case)
    yield "## Planted weaknesses"
    yield (
        "Conditions that no training picture fulfils, planted in the test and improvement sets: ground truth for root "
        "causes. The column `known_cause` of a manifest names the one that applies; nothing that groups or explains "
        "images reads it."
    )
    yield _table(("weakness", "condition", "why", "share"), [_weakness(one) for one in case.weaknesses])
    yield "## Reference network"
    yield _errors(card)
    yield _table(("", ""), _card(case, card))
    yield "## Commands"
    yield _commands(case)


def _fashion(case: Any) -> Iterator[str]:
    assert isinstance(case, Fashion)
    module = import_module(Fashion.__module__)
    yield _plain(" ".join((Fashion.__doc__ or "").split()))
    yield "![Test pictures of fashion](../images/cases/fashion.jpg)"
    yield "Test photographs, each pixel as 2 × 2, a row a class."
    yield f"**Original.** {_plain(_paragraph(module.__doc__, 'Source:').removeprefix('Source: '))}"
    yield "## Pictures"
    rows = [(split, f"{len(case.images(split)):,}", "shipped") for split in ("test", "improvement")]
    rows.append(("train", f"{N_TRAIN:,}", "read from Debian's `dataset-fashion-mnist` where that is installed"))
    yield _table(("split", "images", "where"), rows)
    yield "These are photographs: nothing is planted, and why the network fails is not known beforehand."
    yield "## Reference network"
    card = (_data("fashion") / "network.md").read_text(encoding="utf-8")
    yield card.partition("\n")[2].strip()
    yield "## Commands"
    yield _console(
        "failatlas cases make fashion --split test -n 200 --out fashion-test",
        "failatlas analyze --case fashion --out fashion-run",
    )


def _task(case: RenderedCase) -> str:
    """The task's error rule in words, with its classes or unit."""
    from failatlas.tasks import Classification, Landmarks, Regression

    task = case.task()
    if isinstance(task, Classification):
        names = ", ".join(f"`{name}`" for name in task.classes)
        return f"Classification; an error is another class than the right one. {len(task.classes)} classes: {names}."
    if isinstance(task, Landmarks):
        rule = f"Landmarks; an error is a mean distance of the visible ones of more than {task.threshold_px:g} px"
        rule += f", or one of {task.max_px:g} px and more" if task.max_px else ""
        return f"{rule}.{_bands(task.bands_px, 'px')}"
    assert isinstance(task, Regression)
    limits = " or ".join(f"{limit:g}" for limit in task.thresholds)
    return f"Regression; an error is a deviation of more than {limits} {task.unit}.{_bands(task.bands, task.unit)}"


def _bands(bands: Sequence[float], unit: str) -> str:
    if not bands:
        return ""
    return f" Severity rises by one beyond {' and beyond '.join(f'{band:g}' for band in bands)} {unit}."


def _original(case: RenderedCase) -> str:
    """What the case's own module says of the original and how ours differs."""
    text = _paragraph(import_module(case.draw.__module__).__doc__, "Source:").removeprefix("Source: ")
    text = _plain(text) or f"{case.source}."
    return text[0].upper() + text[1:]


def _pictures(case: RenderedCase) -> str:
    planted = sum(weakness.share for weakness in case.weaknesses)
    kinds = {"train": "ordinary only"}
    rows = [(f"`{s}`", f"{n:,}", kinds.get(s, f"{100 * planted:.0f} % planted")) for s, n in case.sizes.items()]
    height, width = _shape(case)
    options = ", ".join(f"{name}={value!r}" for name, value in case.options.items())
    return "\n\n".join(
        [
            f"{width} × {height} px, by the simulator `{case.simulator}` ({options}). Images: {case.licence}.",
            _table(("split", "images", "weaknesses"), rows),
            _disjoint(case),
        ]
    )


def _disjoint(case: RenderedCase) -> str:
    """Who is in one split only: found by numbers that repeat within every split and are never shared by two."""
    drawn = {split: _drawn(case.name, split) for split in case.sizes}
    marks = [one.name for one in case.space if one.kind == "number" and _is_kept_apart(one.name, drawn)]
    if not marks:
        return "Every picture is a scene of its own, drawn anew from its number: no two splits share one."
    subjects: dict[tuple[Value, ...], list[dict[str, Value]]] = {}
    for rows in drawn.values():
        for row in rows:
            subjects.setdefault(tuple(row[name] for name in marks), []).append(row)
    own = [one for one in case.space if _belongs(one.name, subjects)]
    counts = [f"{len({tuple(row[name] for name in marks) for row in rows})} in {s}" for s, rows in drawn.items()]
    return (
        f"Subjects are disjoint between the splits: {', '.join(counts)} (among {N_DRAWN} pictures of each). "
        f"What stays of a subject: {', '.join(_named(group) for group in _alike(own))}."
    )


def _is_kept_apart(name: str, drawn: Mapping[str, Sequence[Mapping[str, Value]]]) -> bool:
    sets = [{row[name] for row in rows} for rows in drawn.values()]
    repeats = all(1 < len(found) < N_DRAWN / 2 for found in sets)
    return repeats and sum(map(len, sets)) == len(set().union(*sets))


def _belongs(name: str, subjects: Mapping[tuple[Value, ...], Sequence[Mapping[str, Value]]]) -> bool:
    """Whether it never changes for one subject, yet differs between subjects."""
    found = [{row[name] for row in rows} for rows in subjects.values()]
    return all(len(values) == 1 for values in found) and len(set().union(*found)) > 1


def _alike(parameters: Sequence[Parameter]) -> Iterator[list[Parameter]]:
    """Neighbours that differ in the number in their name alone, such as components of a shape."""

    def kind(one: Parameter) -> tuple[str, str, str]:
        return re.sub(r"\d+", "#", one.name), one.range, one.meaning

    return (list(group) for _, group in groupby(parameters, kind))


def _named(group: Sequence[Parameter]) -> str:
    return f"`{group[0].name}`" if len(group) == 1 else f"`{group[0].name}` … `{group[-1].name}`"


def _distribution(case: RenderedCase) -> Iterator[str]:
    drawn = _drawn(case.name, "train")
    varied = [one for one in case.space if len({row[one.name] for row in drawn}) > 1]
    fixed = [f"`{one.name}` {_value(one, drawn[0][one.name])}" for one in case.space if one not in varied]
    rows = []
    for group in _alike(varied):
        first = group[0]
        spread = _spread(first, [row[one.name] for one in group for row in drawn])
        rows.append((_named(group), _range(first), first.unit, spread, first.meaning or "–"))
    yield f"Counted over {N_DRAWN} training pictures; ordinary test pictures are drawn alike."
    yield _table(("parameter", "may be", "unit", "is", "meaning"), rows)
    if fixed:
        yield f"The same in every one of them: {', '.join(fixed)}."


def _range(parameter: Parameter) -> str:
    if parameter.choices:
        return ", ".join(parameter.choices) if len(parameter.choices) <= FEW else f"{len(parameter.choices)} choices"
    return f"{parameter.low:g} … {parameter.high:g}" + (", circular" if parameter.circular else "")


def _spread(parameter: Parameter, values: Sequence[Value]) -> str:
    """Shares where few values occur, else the mean and the extremes."""
    counts = Counter(values)
    if parameter.choices and len(counts) > FEW:
        shares = sorted(100 * n / len(values) for n in counts.values())
        return f"{len(counts)} of them, {shares[0]:.1f} – {shares[-1]:.1f} % each"
    if parameter.choices or len(counts) <= FEW / 2:
        # choices as declared, numbers by size
        order = [value for value in parameter.choices or sorted(map(float, counts)) if value in counts]
        return ", ".join(f"{_value(parameter, value)}: {100 * counts[value] / len(values):.0f} %" for value in order)
    numbers = np.array(values, np.float64)
    extremes = f"{_value(parameter, numbers.min())} … {_value(parameter, numbers.max())}"
    # angles that wrap around have no mean
    return extremes if parameter.circular else f"mean {_value(parameter, numbers.mean())} ({extremes})"


def _value(parameter: Parameter, value: Value) -> str:
    """A text, or a number to a thousandth of its range."""
    if isinstance(value, str):
        return value
    digits = max(0, round(3 - math.log10(parameter.high - parameter.low)))
    return f"{round(float(value), digits) + 0.0:g}"  # + 0.0: no negative zero


def _weakness(weakness: Weakness) -> tuple[str, ...]:
    return (weakness.name, f"`{weakness.where!r}`", weakness.why, f"{100 * weakness.share:.0f} %")


def _errors(card: Mapping[str, Any]) -> str:
    groups = {"whole test set": card["test"], "without a weakness": card["ordinary"], **card["weaknesses"]}
    rows = [(name, f"{one['images']:,}", f"{one['errors']:,}", _rate(one)) for name, one in groups.items()]
    return _table(("test pictures", "images", "errors", "error rate, 95 % interval"), rows)


def _card(case: RenderedCase, card: Mapping[str, Any]) -> list[tuple[str, str]]:
    recipe = card["recipe"]
    size = len((_data(case.name) / "network.safetensors").read_bytes())
    varied = [f"moved by up to {recipe['shift_px']} px"] * bool(recipe["shift_px"])
    varied += [f"brightness × {1 - recipe['gain']:g} … {1 + recipe['gain']:g}"] * bool(recipe["gain"])
    return [
        ("layers", _layers(case.network.module())),
        ("weights", f"{card['weights']:,} ({size / 1000:,.0f} kB)"),
        ("trained on", f"{card['n_train']:,} pictures" + (f", {', '.join(varied)}" if varied else "")),
        (
            "recipe",
            f"AdamW, one cycle up to {recipe['rate']:g}, weight decay {recipe['decay']:g}, {recipe['epochs']} epochs, "
            f"batch {recipe['batch']}, seed {recipe['seed']}",
        ),
        ("made with", f"torch {card['torch']}, on one thread"),
        ("sha256", f"`{card['sha256']}`"),
    ]


def _layers(network: nn.Module) -> str:
    """Layers with weights, from the input: ``5 × 5 conv 16 / 2`` has 16 maps and a stride of 2."""
    from torch import nn

    found = []
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            kind = "conv" if isinstance(layer, nn.Conv2d) else "transposed conv"
            stride = f" / {layer.stride[0]}" if layer.stride[0] > 1 else ""
            found.append(f"{layer.kernel_size[0]} × {layer.kernel_size[1]} {kind} {layer.out_channels}{stride}")
        elif isinstance(layer, nn.Linear):
            found.append(f"dense {layer.out_features}")
    return ", ".join(found)


def _commands(case: RenderedCase) -> str:
    name, make = case.name, f"failatlas cases make {case.name} --split test"
    planted = [f'{make} -n 100 --where "{one.where!r}" --out {name}-cause' for one in case.weaknesses[:1]]
    return _console(
        f"{make} --out {name}-test",
        *planted,
        f"failatlas cases train {name} --out {name}-network",
        f"failatlas analyze --case {name} --out {name}-run",
    )


def _console(*commands: str) -> str:
    return "\n".join(["```console", *(f"$ {command}" for command in commands), "```"])


def _index_row(name: str) -> tuple[str, ...]:
    case = cases.create(name)
    start = (f"[![{name}](../images/cases/{name}-one.jpg)]({name}.md)", f"[{name}]({name}.md)", case.title)
    if not isinstance(case, RenderedCase):
        return *start, "none, they are photographs", "–", "–"
    card = case.card()
    return *start, ", ".join(one.name for one in case.weaknesses), _rate(card["test"]), _rate(card["ordinary"])


def _rate(one: Mapping[str, Any]) -> str:
    if one["rate"] is None:
        return "–"
    return f"{100 * one['rate']:.1f} % ({100 * one['low']:.1f} – {100 * one['high']:.1f})"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _plain(text: str) -> str:
    return text.replace("``", "`")


def _paragraph(docstring: str | None, start: str) -> str:
    """The paragraph of a docstring that begins so, on one line; empty without one."""
    paragraphs = (" ".join(text.split()) for text in (docstring or "").split("\n\n"))
    return next((text for text in paragraphs if text.startswith(start)), "")


def _data(name: str) -> resources.abc.Traversable:
    return resources.files("failatlas.cases") / "data" / name


@cache
def _drawn(name: str, split: str) -> list[dict[str, Value]]:
    """Parameters of the first pictures of a split."""
    case = cases.create(name)
    assert isinstance(case, RenderedCase)
    return [case.values(split, number) for number in range(N_DRAWN)]


def _shape(case: RenderedCase) -> tuple[int, int]:
    """Height and width of its pictures."""
    height, width = (case.options.get(name, case.options.get("size_px")) for name in ("height_px", "width_px"))
    assert isinstance(height, int)
    assert isinstance(width, int)
    return height, width


def _enlarged(case: RenderedCase) -> str:
    times = _scale(_shape(case)[1])
    return f", each pixel as {times} × {times}" if times > 1 else ""


# pictures


@dataclass(frozen=True)
class Sheet:
    """A contact sheet: rows of pictures under headings, each picture with a line of text.

    Attributes:
        rows: heading → pictures and what is right for each.
    """

    rows: Mapping[str, Sequence[tuple[Image.Image, str]]]

    def drawn(self) -> Image.Image:
        """The sheet on white, at most 900 px wide."""
        from PIL import Image, ImageDraw, ImageFont

        small, large = ImageFont.load_default(11), ImageFont.load_default(15)
        first = next(iter(self.rows.values()))[0][0]
        has_text = any(text for row in self.rows.values() for _, text in row)
        columns, cell = columns_of(first.width), (first.width + GAP_PX, first.height + (16 if has_text else 0) + GAP_PX)
        width = 2 * MARGIN_PX + columns * cell[0] - GAP_PX
        lines = {name: -(-len(row) // columns) for name, row in self.rows.items()}
        height = MARGIN_PX + sum(24 + n * cell[1] for n in lines.values())
        sheet = Image.new("RGB", (width, height), "white")
        draw = ImageDraw.Draw(sheet)
        top = MARGIN_PX
        for name, row in self.rows.items():
            draw.text((MARGIN_PX, top), name, "black", large)
            top += 22
            for i, (picture, text) in enumerate(row):
                line, column = divmod(i, columns)
                x, y = MARGIN_PX + column * cell[0], top + line * cell[1]
                sheet.paste(picture, (x, y))
                draw.text((x, y + first.height + 1), _fitting(text, first.width, small), "#444444", small)
            top += lines[name] * cell[1] + 2
        return sheet


def columns_of(width: int) -> int:
    """Pictures of this width that stand side by side."""
    return (WIDTH_PX - 2 * MARGIN_PX + GAP_PX) // (width + GAP_PX)


def sheet_of(name: str) -> Sheet:
    """Ordinary test pictures, and one row a weakness; of photographs one row a class."""
    case = cases.create(name)
    if not isinstance(case, RenderedCase):
        return _photographs(case)
    n = columns_of(_shape(case)[1] * _scale(_shape(case)[1]))
    rows = {"ordinary": [_shown(case, *one) for one in _examples(case, None, ORDINARY_ROWS * n)]}
    for weakness in case.weaknesses:
        rows[weakness.name] = [_shown(case, *one) for one in _examples(case, weakness, n)]
    return Sheet(rows)


def draw(name: str) -> None:
    """Write the sheet of a case study, and its first picture alone for the index."""
    folder = ROOT / PICTURES
    folder.mkdir(parents=True, exist_ok=True)
    sheet = sheet_of(name)
    (folder / f"{name}.jpg").write_bytes(encoded(sheet.drawn()))
    one, _ = next(iter(sheet.rows.values()))[0]
    one.save(folder / f"{name}-one.jpg", quality=88)
    print(f"drawn: {PICTURES / name}.jpg")


def encoded(sheet: Image.Image) -> bytes:
    """As JPEG of the best quality that stays within the limit."""
    for quality in range(92, 20, -4):
        file = io.BytesIO()
        sheet.save(file, "JPEG", quality=quality, optimize=True, progressive=True)
        if file.tell() <= MOST_BYTES:
            return file.getvalue()
    raise ValueError(f"a sheet of {sheet.width} × {sheet.height} px does not fit into {MOST_BYTES} bytes")


def _examples(case: RenderedCase, weakness: Weakness | None, n: int) -> list[tuple[Pixels, ImageRecord]]:
    """The first test pictures that have this weakness as their known cause, or none."""
    wanted, where = ("", None) if weakness is None else (weakness.name, weakness.where)
    with closing(case.pictures("test", where=where)) as pictures:
        fitting = (one for one in pictures if one.record.metadata["known_cause"] == wanted)
        return [(one.pixels, one.record) for one in islice(fitting, n)]


def _shown(case: RenderedCase, pixels: Pixels, record: ImageRecord) -> tuple[Image.Image, str]:
    """The picture enlarged pixel by pixel, as the network sees it, with landmarks on it; and what is right for it."""
    from PIL import Image, ImageDraw

    times = _scale(pixels.shape[1])
    picture = Image.fromarray(np.kron(pixels, np.ones((times, times, 1), np.uint8)))
    if record.target is None:
        return picture, record.label or ""
    if len(record.target) == 1:
        number = f"{round(record.target[0], 1) + 0.0:+.1f}"  # + 0.0: no negative zero
        return picture, f"{number} {getattr(case.task(), 'unit', '')}"
    visible = [point for point in np.reshape(record.target, (-1, 2)) if point.min() > 0]
    draw = ImageDraw.Draw(picture)
    for x, y in visible:
        left, top = round(times * x) - 1, round(times * y) - 1
        draw.rectangle([left, top, left + 1, top + 1], fill="#00e060")
    return picture, f"{len(visible)} landmarks"


def _photographs(case: Any) -> Sheet:
    images = case.images("test")
    times = 2
    rows: dict[str, list[tuple[Image.Image, str]]] = {}
    for name in case.task().classes:
        chosen = [i for i, record in enumerate(images.records) if record.label == name]
        width = times * images.read(chosen[0]).pixels.shape[1]
        rows[name] = [(_grown(images.read(i).pixels, times), "") for i in chosen[: columns_of(width)]]
    return Sheet(rows)


def _grown(pixels: Pixels, times: int) -> Image.Image:
    from PIL import Image

    shape = (times, times, 1) if pixels.ndim == 3 else (times, times)
    return Image.fromarray(np.kron(pixels, np.ones(shape, np.uint8))).convert("RGB")


def _scale(width: int) -> int:
    """Whole number by which pictures of this width are enlarged, so that people see them."""
    return max(1, 128 // width)


def _fitting(text: str, width: int, font: Any) -> str:
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "…") > width:
        text = text[:-1]
    return text + "…"


def main(arguments: Sequence[str]) -> int:
    """Write pages and pictures, or with ``--check`` only say which pages are out of date."""
    chosen = [name for name in arguments if not name.startswith("--")] or names()
    if "--check" not in arguments and "--pages" not in arguments:
        for name in chosen:
            draw(name)
    stale = []
    for path, text in pages().items():
        file = ROOT / path
        if file.is_file() and file.read_text(encoding="utf-8") == text:
            continue
        stale.append(path)
        if "--check" not in arguments:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    for path in stale:
        print(f"{'out of date' if '--check' in arguments else 'written'}: {path}")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
