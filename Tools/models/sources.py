"""What every classification bundle needs besides its model: temperature, calibration scores, evaluation, and the
source folder that pack.py takes."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import convnet
import pack
import train_weights

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / ".cache" / "models" / "src"
BUNDLES = ROOT / "Topology" / "models"
POSTPROCESSING = {"version": 1, "kind": "classification", "output": "logits", "activation": "softmax", "top": 5}
Data = dict[str, tuple[list[np.ndarray], np.ndarray]]  # tensors and labels by split


@dataclass(frozen=True)
class Network:
    """A bundle to be made from trained weights."""

    name: str
    description: str
    memory: int  # bytes resident when loaded, measured with OpenVINO on a CPU and rounded up
    shape: list[int]
    preprocessing: dict[str, Any]
    labels: list[str]
    weights: tuple[str, ...] = ()  # whose weights, if not the bundle's own; several are averaged
    teacher: str | None = None
    ranges: list[np.ndarray] = field(default_factory=list)  # calibration tensors: makes it INT8


def softmax(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Row-wise probabilities, in float64."""
    scaled = logits.astype(np.float64) / temperature
    scaled -= scaled.max(axis=1, keepdims=True)
    powers = np.exp(scaled)
    return powers / powers.sum(axis=1, keepdims=True)


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The temperature of least negative log-likelihood, by golden-section search on its logarithm."""
    def loss(log_t: float) -> float:
        chosen = softmax(logits, float(np.exp(log_t)))[np.arange(len(labels)), labels]
        return float(-np.log(np.maximum(chosen, 1e-12)).mean())

    low, high, ratio = np.log(0.05), np.log(20.0), (np.sqrt(5) - 1) / 2
    while high - low > 1e-6:
        a, b = high - ratio * (high - low), low + ratio * (high - low)
        low, high = (low, b) if loss(a) < loss(b) else (a, high)
    return round(float(np.exp((low + high) / 2)), 4)


def scores(logits: np.ndarray, temperature: float) -> dict[str, np.ndarray]:
    """max_softmax, margin and entropy (1 - H/ln K) of each row: larger is surer in all three."""
    p = softmax(logits, temperature)
    top = np.sort(p, axis=1)
    entropy = -(p * np.log(np.maximum(p, 1e-300))).sum(axis=1)
    return {"max_softmax": top[:, -1], "margin": top[:, -1] - top[:, -2],
            "entropy": 1 - entropy / np.log(p.shape[1])}


def calibration(logits: np.ndarray, labels: np.ndarray, temperature: float, fitted_on: str, source: str,
                ) -> dict[str, Any]:
    """calibration.json"""
    rows = {key: [round(float(v), 6) for v in values] for key, values in scores(logits, temperature).items()}
    correct = [int(right) for right in logits.argmax(1) == labels]
    return {"version": 1, "temperature": temperature, "fitted_on": fitted_on,
            "scores": {"source": source, **rows, "correct": correct}}


def confusion(logits: np.ndarray, labels: np.ndarray) -> list[list[int]]:
    """Rows: true class; columns: answered class."""
    table = np.zeros((logits.shape[1],) * 2, int)
    np.add.at(table, (labels, logits.argmax(1)), 1)
    return table.tolist()


def share_right(logits: np.ndarray, labels: np.ndarray) -> float:
    """Accuracy, rounded as it is written."""
    return round(float(np.mean(logits.argmax(1) == labels)), 6)


def agreement(one: np.ndarray, other: np.ndarray) -> float:
    """Share of items that both models answer alike."""
    return round(float(np.mean(one.argmax(1) == other.argmax(1))), 6)


def classify(name: str, model: bytes, fp32: bytes, data: Data, dataset: dict[str, Any], extra: dict[str, Any],
             ) -> tuple[dict[str, Any], dict[str, Any], dict[str, np.ndarray]]:
    """calibration.json, evaluation.json and the logits of each split."""
    runner = convnet.Runner(model)
    logits = {split: runner.logits(tensors) for split, (tensors, _) in data.items()}
    labels = {split: values.astype(int) for split, (_, values) in data.items()}
    temperature = fit_temperature(logits["validation"], labels["validation"])
    count = {split: len(values) for split, values in labels.items()}
    calibrated = calibration(
        logits["calibration"], labels["calibration"], temperature,
        f"validation (n={count['validation']})", f"calibration split (n={count['calibration']})")
    reference = convnet.Runner(fp32).logits(data["test"][0]) if fp32 != model else logits["test"]
    evaluated = {
        "version": 1, "model": name, "dataset": dataset,
        "accuracy": share_right(logits["test"], labels["test"]),
        "accuracy_by_split": {split: share_right(logits[split], labels[split]) for split in logits},
        "accuracy_fp32": share_right(reference, labels["test"]),
        "agreement_with_fp32": agreement(logits["test"], reference),
        "confusion": confusion(logits["test"], labels["test"]),
        "sizes": {"bytes": len(model), "fp32_bytes": len(fp32)}, **extra}
    return calibrated, evaluated, logits


def _json(path: Path, value: Any) -> None:
    path.write_bytes(json.dumps(value, indent=None, separators=(",", ":"), ensure_ascii=False).encode() + b"\n")


def write(folder: Path, model: bytes, labels: list[str] | None, documents: dict[str, Any]) -> None:
    """Write a source folder; documents by file name without its ".json" ("bundle", "preprocessing", …)."""
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(model)
    if labels:
        (folder / "labels.txt").write_bytes(("\n".join(labels) + "\n").encode())
    for name, value in documents.items():
        _json(folder / f"{name}.json", value)


def models(network: Network) -> tuple[bytes, bytes, int]:
    """The model as it runs, its FP32 form, and how many parameters it has."""
    networks = [part for name in network.weights or (network.name,) for part in train_weights.load(name)]
    fp32 = convnet.build(networks, network.name, network.preprocessing["input"], network.shape)
    model = convnet.quantise(fp32, network.ranges) if network.ranges else fp32
    return model, fp32, convnet.parameters(networks)


def make(network: Network, data: Data, dataset: dict[str, Any], extra: dict[str, Any],
         ) -> tuple[float, dict[str, np.ndarray]]:
    """Write the source folder of one bundle; answers its temperature and its logits of each split."""
    model, fp32, parameters = models(network)
    calibrated, evaluated, logits = classify(network.name, model, fp32, data, dataset, extra)
    about: dict[str, Any] = {
        "name": network.name, "version": "1.0.0", "licenses": "Apache-2.0", "description": network.description,
        "hardware": ["cpu"], "memory": network.memory, "parameters": parameters,
        "optimization": ["distill"] * bool(network.teacher) + ["int8"] * bool(network.ranges),
        "precision": "int8" if network.ranges else "fp32"}
    if network.teacher:
        about["teacher"] = network.teacher
    if network.ranges:
        about["fp32_bytes"] = len(fp32)
    write(SOURCES / network.name, model, network.labels, {
        "preprocessing": network.preprocessing, "postprocessing": POSTPROCESSING, "calibration": calibrated,
        "evaluation": evaluated, "bundle": about})
    print(f"{network.name}: {len(model)} bytes (fp32 {len(fp32)}), {parameters} parameters, temperature "
          f"{calibrated['temperature']}, accuracy {evaluated['accuracy_by_split']}, agreement with fp32 "
          f"{evaluated['agreement_with_fp32']}", flush=True)
    return calibrated["temperature"], logits


def pack_all(names: list[str], out: Path = BUNDLES) -> dict[str, str]:
    """Pack source folders in order (teachers first); answers the ids."""
    ids = {name: pack.pack(SOURCES / name, out / name) for name in names}
    for name, bundle in ids.items():
        print(f"{bundle}  {(out / name).relative_to(ROOT)}")
    return ids


def cascade(leaf: np.ndarray, upper: np.ndarray, labels: np.ndarray, temperature: float, share: float) -> float:
    """Accuracy when the leaf's least confident share (by max_softmax) is answered by the upper model."""
    sure = scores(leaf, temperature)["max_softmax"]
    sent = np.argsort(sure, kind="stable")[:round(share * len(sure))]
    answers = leaf.argmax(1)
    answers[sent] = upper.argmax(1)[sent]
    return round(float(np.mean(answers == labels)), 6)


def print_cascade(leaf: dict[str, np.ndarray], upper: dict[str, np.ndarray], data: Data, temperature: float) -> None:
    """Print what escalating some shares of the test split gives."""
    labels = data["test"][1]
    for share in (0.0, 0.05, 0.08, 0.1, 0.15, 1.0):
        print(f"  {share:4.0%} of the test split escalated: "
              f"{cascade(leaf['test'], upper['test'], labels, temperature, share):.4f}")
