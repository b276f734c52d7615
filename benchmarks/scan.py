"""Scanning a genome with a promoter model, and how fast sequences are read."""

import gzip
import json
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from transformers import EsmConfig, EsmModel

from benchmarks.runner import data_folder, table, unit, write
from polyome.estimator import Estimator, estimator_class
from polyome.genome.distil import as_records, distil
from polyome.genome.peaks import peaks, prominence
from polyome.genome.scan import ScanArguments
from polyome.io.fasta import stream_fasta
from polyome.io.nucleotides import Sequences, complement
from polyome.metrics import classification_metrics
from polyome.model.inference import answer
from polyome.model_folder.fitted_model import SCANNER, FittedModel
from polyome.predict.predict import PredictArguments, proba_of

SEEDS = (0, 1, 2)
HELD = (3_000_000, 4_000_000)  # bp of the genome that no training row touches
TOP = 500
UPSTREAM_BP = 300
DRAWS = 1000


def _path(name: str) -> Path:
    return data_folder() / "genome" / f"ecoli_k12_mg1655.{name}.gz"


def _genome() -> str:
    return next(stream_fasta(_path("fa")))[1].upper()


def _genes() -> pd.DataFrame:
    """Genes with ``start``, ``end`` (0-based, half-open), ``strand``."""
    with gzip.open(_path("gff3"), "rt") as file:
        lines = [line.split("\t") for line in file if not line.startswith("#")]
    kinds = {"gene", "tRNA", "rRNA", "ncRNA"}
    rows = [(int(f[3]) - 1, int(f[4]), f[6]) for f in lines if f[2] in kinds]
    return pd.DataFrame(rows, columns=["start", "end", "strand"])


def placed_rows(genome: str) -> pd.DataFrame:
    """Place the sigma70 set on the genome by exact match; ``place`` says where.

    ``held`` where any copy, of either strand, touches the held stretch; ``elsewhere`` where all
    lie elsewhere; ``unplaced`` where there is none. Rows that lie elsewhere keep the ``split`` of
    the set, held rows can only be ``test``; all others are ``unused``.
    """
    name = "promoter_ecoli_sigma70_cnnprom.csv.gz"
    rows = pd.read_csv(data_folder() / "dna" / name, index_col="id")
    turned = str.maketrans("ACGT", "TGCA")
    parts = []
    for sequence in rows["sequence"]:
        places = [
            place
            for text in (sequence, sequence.translate(turned)[::-1])
            for place in _all_places(genome, text)
        ]
        touches = [p < HELD[1] and p + len(sequence) > HELD[0] for p in places]
        parts.append("unplaced" if not places else "held" if any(touches) else "elsewhere")
    rows["place"] = parts
    is_used = (rows["place"] == "elsewhere") | (rows["split"] == "test")
    return rows.assign(split=rows["split"].where(is_used, "unused"))


def _all_places(genome: str, text: str) -> list[int]:
    places, place = [], genome.find(text)
    while place >= 0:
        places.append(place)
        place = genome.find(text, place + 1)
    return places


def fitted_with_scanner(rows: pd.DataFrame, seed: int) -> tuple[Estimator, FittedModel]:
    """A model of the rows of ``train``, and the scanner distilled from it on the same rows."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = estimator_class("promoter")(quiet=True, seed=seed)
        model.fit(rows, "label", split="split", baselines=False)
        records: Any = model.fitted_.modality.read(rows[rows["split"] == "train"])
        return model, distil(model.fitted_, records, seed=seed, quiet=True)


_SCAN = """
import json, resource, sys, time
from pathlib import Path
start = time.perf_counter()
from polyome.genome.scan import ScanArguments, scan, scan_model
arguments = ScanArguments()
fitted = scan_model(Path(sys.argv[1]), arguments, device="cpu", quiet=True)
began = time.perf_counter()
result = scan(fitted, Path(sys.argv[2]), Path(sys.argv[3]), arguments, quiet=True)
seconds = time.perf_counter() - began
result.hits.to_csv(sys.argv[4], index=False)
print(json.dumps({
    "scan seconds": seconds,
    "seconds with start": seconds + began - start,
    "processor seconds": time.process_time(),
    "memory MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    "hits": len(result.hits),
}))
"""


def _scanned(model: Estimator, scanner: FittedModel) -> tuple[dict[str, Any], pd.DataFrame]:
    """Scan in a process of its own, so that its memory is the scan's alone."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model.save_pretrained(folder / "model")
        (folder / "model" / SCANNER).mkdir()
        scanner.save(folder / "model" / SCANNER)
        files = [folder / "model", _path("fa"), folder / "hits.bed", folder / "hits.csv"]
        done = subprocess.run(
            [sys.executable, "-c", _SCAN, *files], check=True, capture_output=True, text=True
        )
        return json.loads(done.stdout), pd.read_csv(folder / "hits.csv")


def top_hits(found: pd.DataFrame, by: str) -> pd.DataFrame:
    """The first hits within the held stretch, with the ``middle`` of their windows."""
    inside = found[(found["start"] >= HELD[0]) & (found["end"] <= HELD[1])]
    best = inside.sort_values(by, ascending=False, kind="stable").head(TOP)
    return best.assign(middle=(best["start"] + best["end"]) // 2)


def gc_hits(genome: str, window_bp: int, *, surroundings_bp: int) -> pd.DataFrame:
    """As many windows of the lowest GC content by the same peak calling; strands are drawn."""
    letters = np.frombuffer(genome[HELD[0] : HELD[1]].encode(), np.uint8)
    before = np.concatenate([[0], np.cumsum((letters == ord("A")) | (letters == ord("T")))])
    starts = np.arange(0, len(letters) - window_bp + 1, ScanArguments().stride_bp)
    share = (before[starts + window_bp] - before[starts]) / window_bp
    rows = peaks(starts, share, threshold=0.0, distance_bp=window_bp)
    reach = surroundings_bp // (2 * ScanArguments().stride_bp)
    ranked_by = prominence(share[None], reach)[0] if reach else share
    rows = rows[np.argsort(-ranked_by[rows], kind="stable")[:TOP]]
    strands = np.random.default_rng(0).choice(["+", "-"], len(rows))
    return pd.DataFrame({"middle": HELD[0] + starts[rows] + window_bp // 2, "strand": strands})


class Upstream:
    """Which places of the held stretch are within 300 bp upstream of the start of a gene."""

    def __init__(self, genes: pd.DataFrame, length: int) -> None:
        self.is_upstream = {"+": np.zeros(length, bool), "-": np.zeros(length, bool)}
        is_gene = np.zeros(length, bool)
        for start, end, strand in genes.itertuples(index=False):
            is_gene[start:end] = True
            if strand == "+":
                self.is_upstream["+"][max(0, start - UPSTREAM_BP) : start] = True
            else:
                self.is_upstream["-"][end : end + UPSTREAM_BP] = True
        between = np.flatnonzero(~is_gene)
        self.intergenic = between[(between >= HELD[0]) & (between < HELD[1])]

    def on_strand(self, middles: np.ndarray, strands: np.ndarray) -> np.ndarray:
        """Whether a gene of the same strand follows."""
        forward, reverse = self.is_upstream["+"][middles], self.is_upstream["-"][middles]
        return np.where(strands == "+", forward, reverse)

    def on_either(self, middles: np.ndarray) -> np.ndarray:
        """Whether a gene of either strand follows."""
        return self.is_upstream["+"][middles] | self.is_upstream["-"][middles]


def enrichment(upstream: Upstream, hits: pd.DataFrame) -> dict[str, Any]:
    """Share of hits upstream of a gene, as a ratio to hits moved within intergenic sequence.

    Two intervals of the ratio, both by resampling the hits: against the mean of all shuffles, and,
    wider, each resample against one shuffle, which adds the chance of a single shuffle.
    """
    rng = np.random.default_rng(0)
    middles, strands = hits["middle"].to_numpy(), hits["strand"].to_numpy().astype(str)
    found: dict[str, Any] = {"intergenic": float(np.isin(middles, upstream.intergenic).mean())}
    for name in ("same strand", "either strand"):

        def inside(m: np.ndarray, s: np.ndarray, name: str = name) -> np.ndarray:
            return upstream.on_strand(m, s) if name == "same strand" else upstream.on_either(m)

        is_upstream, shares, chance = inside(middles, strands), [], []
        for _ in range(DRAWS):
            moved = rng.choice(upstream.intergenic, len(middles))
            chance.append(inside(moved, strands).mean())
            drawn = rng.integers(0, len(hits), len(hits))
            shares.append(is_upstream[drawn].mean())
        found |= {
            f"upstream, {name}": float(is_upstream.mean()),
            f"shuffled, {name}": float(np.mean(chance)),
            f"ratio, {name}": float(is_upstream.mean() / np.mean(chance)),
            f"95 %, {name}": _interval(np.array(shares) / np.mean(chance)),
            f"95 % with one shuffle each, {name}": _interval(np.array(shares) / chance),
        }
    return found


def _interval(values: np.ndarray) -> str:
    low, high = np.quantile(values, [0.025, 0.975])
    return f"{low:.2f} to {high:.2f}"


def scan() -> None:
    """Row h: the genome of E. coli, a stretch of it held out."""
    genome, genes = _genome(), _genes()
    upstream = Upstream(genes, len(genome))

    def measure(seed: int) -> dict[str, Any]:
        rows = placed_rows(genome)
        model, scanner = fitted_with_scanner(rows[rows["split"] != "unused"], seed)
        test = rows[rows["split"] == "test"]
        truth = test["label"].astype(str).to_numpy()
        scores = {
            name: classification_metrics(truth, _proba(fitted, test), fitted.classes)
            for name, fitted in (("model", model.fitted_), ("scanner", scanner))
        }
        cost, found = _scanned(model, scanner)
        modality: Any = scanner.modality
        window_bp, around = modality.length_, ScanArguments().surroundings_bp
        hits = {
            "scanner": top_hits(found, "prominence"),
            "scanner, by probability": top_hits(found, "probability"),
            "GC alone": gc_hits(genome, window_bp, surroundings_bp=0),
            "GC alone, less its surroundings": gc_hits(genome, window_bp, surroundings_bp=around),
        }
        return {
            "rows": rows.groupby(["place", "split"]).size().reset_index().to_numpy().tolist(),
            "scores": scores,
            "cost": cost,
            "agreement": scanner.facts["scanner"],
            "enrichment": {name: enrichment(upstream, found) for name, found in hits.items()},
        }

    results = [unit("scan", {"seed": s}, lambda s=s: measure(s)) for s in SEEDS]
    write("scan", "The genome of E. coli, scanned", _scan_text(results), results)


def _proba(fitted: FittedModel, rows: pd.DataFrame) -> np.ndarray:
    return proba_of(fitted, fitted.modality.read(rows), PredictArguments())


def _scan_text(results: list[dict[str, Any]]) -> str:
    by_seed = list(zip(SEEDS, results))
    scores = {f"{name}, seed {s}": r["scores"][name] for s, r in by_seed for name in r["scores"]}
    hits = {f"{n}, seed {s}": r["enrichment"][n] for s, r in by_seed for n in r["enrichment"]}
    costs = {f"seed {s}": r["cost"] | r["agreement"] for s, r in by_seed}
    counts = ", ".join(f"{n:,} {place} ({split})" for place, split, n in results[0]["rows"])
    return (
        "Rows of the sigma70 set, placed on the genome by exact match of either strand, and what "
        f"they are here: {counts}. Held is 3.0 to 4.0 Mb. Scores of the test rows:\n\n"
        + table(scores, ["mcc", "auroc", "log_loss", "ece"])
        + f"\n\nThe first {TOP} hits within 3.0 to 4.0 Mb, by how far they stand out of their "
        f"surroundings: share whose middle is within {UPSTREAM_BP} bp upstream of the start of a "
        "gene (a proxy: the annotation has no mapped promoters), against places drawn from "
        "intergenic sequence. GC alone: as many windows of the lowest GC content, the same peak "
        "calling, strands drawn.\n\n"
        + table(hits, list(next(iter(hits.values()))))
        + "\n\nThe whole genome, both strands, every 10 bp, by the scanner, and its agreement with "
        "the model on drawn sequences:\n\n" + table(costs, list(next(iter(costs.values()))))
    )


def speed() -> None:
    """Row i: letters to codes, and windows a second beside an encoder of 50M parameters."""
    result = unit("scan_speed", {}, _speeds)
    rows = {name: result[name] for name in ("encoding", "predicting")}
    ratios = {
        name: {"kbp/s": rate, "times the encoder": rate / result["predicting"]["encoder"]}
        for name, rate in rows["predicting"].items()
    }
    body = (
        "One thread; the best of repeated runs, by processor time.\n\n"
        + table({"letters to codes to windows": rows["encoding"]}, list(rows["encoding"]))
        + "\n\nWindows of 80 bp; the encoder has the shape of nucleotide-transformer-v2-50m (ESM, "
        "hidden 512, 12 layers, 16 heads, random weights), 6-mers, and the better of float32 and "
        "bf16.\n\n" + table(ratios, ["kbp/s", "times the encoder"])
    )
    write("scan_speed", "Speed on sequences", body, result)


def _speeds() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    texts = ["".join(row) for row in rng.choice(list("ACGT"), (40_000, 80))]
    rows = pd.DataFrame({"sequence": texts[:600], "label": rng.choice(["0", "1"], 600)})
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = estimator_class("promoter")(quiet=True)
            model.fit(rows, "label", baselines=False, num_train_epochs=1)
            records: Any = model.fitted_.modality.read(rows)
            scanner = distil(
                model.fitted_, records, num_sequences=500, num_train_epochs=1, quiet=True
            )
        windows = Sequences.from_text(texts[:2048]).matrix()
        answered = {
            name: _kbp_per_second(lambda f=fitted: _answer(f, windows), windows.size)
            for name, fitted in (("model", model.fitted_), ("scanner", scanner))
        }
        answered |= _encoder_rates()
        modality = scanner.modality
        return {"encoding": _encoding_rates(texts, modality), "predicting": answered}
    finally:
        torch.set_num_threads(threads)


def _kbp_per_second(run: Callable[[], object], bases: int, repeats: int = 5) -> float:
    best = np.inf
    for _ in range(repeats):
        start = time.process_time()
        run()
        best = min(best, time.process_time() - start)
    return bases / best / 1e3


def _answer(fitted: FittedModel, windows: np.ndarray) -> None:
    answer(fitted.model, fitted.modality, as_records(windows), fitted.task.name)


def _encoding_rates(texts: list[str], modality: Any) -> dict[str, float]:
    bases = sum(map(len, texts))
    dna = Sequences.from_text(texts)
    records = as_records(dna.matrix())
    unprepared = type(records)(records.table, dna)
    steps: dict[str, Callable[[], object]] = {
        "letters to windows": lambda: Sequences.from_text(texts).matrix(),
        "letters to codes": lambda: Sequences.from_text(texts),
        "codes to windows": lambda: modality.prepare(unprepared),
        "windows to encodings": lambda: modality.encode(records),
        "other strand": lambda: complement(dna.codes)[::-1].copy(),
    }
    return {f"{name}, Mbp/s": _kbp_per_second(run, bases) / 1e3 for name, run in steps.items()}


@torch.inference_mode()
def _encoder_rates() -> dict[str, float]:
    config = EsmConfig(
        vocab_size=4107, hidden_size=512, num_hidden_layers=12, num_attention_heads=16,
        intermediate_size=2048, pad_token_id=1, mask_token_id=2, position_embedding_type="rotary",
    )  # fmt: skip
    tokens = torch.randint(5, 4107, (64, 16))  # [CLS], 13 6-mers and 2 single letters
    rates = {}
    for dtype in (torch.float32, torch.bfloat16):
        model = EsmModel(config, add_pooling_layer=False).eval().to(dtype)
        rates[f"encoder, {str(dtype).removeprefix('torch.')}"] = _kbp_per_second(
            lambda m=model: m(tokens), 64 * 80, repeats=3
        )
    return rates | {"encoder": max(rates.values())}


ROWS: dict[str, Callable[[], None]] = {"scan": scan, "scan_speed": speed}
