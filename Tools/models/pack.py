"""Pack a source folder into a bundle: an OCI image layout holding one manifest with CNCF ModelPack media types.

Rules (the same inputs give the same digests):
 1. Canonical JSON for manifest, config, index.json and oci-layout: UTF-8, keys sorted by code point, no spaces, no
    trailing newline, "/" and non-ASCII characters not escaped, whole numbers only.
 2. Layers: every file of the source folder but bundle.json and hidden files, sorted by file name (code points); its
    bytes as they are. Only the file names of MEDIA below are allowed.
 3. Layer: {"annotations":{"org.cncf.model.filepath":NAME},"digest":…,"mediaType":MEDIA[NAME],"size":N}.
 4. Config: {"config":{"format","paramSize"?,"precision"},"descriptor":{"description"?,"licenses":[SPDX],"name",
    "version"},"modelfs":{"diffIds":[layer digests in order],"type":"layers"}}. format by the model file: onnx, tflite
    or openvino. paramSize is bundle.json's "parameters" as decimal text. licenses holds the one SPDX expression.
 5. Manifest: {"annotations","artifactType","config":{"digest","mediaType","size"},"layers","mediaType",
    "schemaVersion":2}. Annotations are all strings; hardware and optimization are joined by "," in the given order; an
    absent or empty optimization, teacher or fp32_bytes leaves its annotation out; memory and fp32-bytes are decimal.
 6. bundle.json "teacher" is the NAME of another packed bundle beside the output, or already an id "sha256:…"; the
    annotation is that bundle's id. "memory" is bytes.
 7. index.json: {"manifests":[{"artifactType","digest","mediaType","size"}],"mediaType":
    "application/vnd.oci.image.index.v1+json","schemaVersion":2}. oci-layout: {"imageLayoutVersion":"1.0.0"}.
 8. Blobs: blobs/sha256/HEX for each layer, config and manifest. Bundle id = "sha256:" + SHA-256 of the manifest.

    python Tools/models/pack.py SOURCE OUT        # OUT is replaced
    python Tools/models/pack.py --verify OUT      # checks all digests and prints the id
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import sys
from pathlib import Path
from typing import Any

RAW = "application/vnd.cncf.model.weight.v1.raw"
TEXT = "application/vnd.cncf.model.weight.config.v1.raw"
MEDIA = {
    "model.onnx": RAW, "model.tflite": RAW, "model.xml": RAW, "model.bin": RAW,
    "labels.txt": TEXT, "preprocessing.json": TEXT, "postprocessing.json": TEXT,
    "calibration.json": "application/vnd.cncf.model.dataset.v1.raw",
    "evaluation.json": "application/vnd.cncf.model.doc.v1.raw",
}
FORMATS = {"model.onnx": "onnx", "model.tflite": "tflite", "model.xml": "openvino"}
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
ARTIFACT = "application/vnd.cncf.model.manifest.v1+json"
CONFIG = "application/vnd.cncf.model.config.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


class PackError(Exception):
    """A source folder or a bundle is not as it must be."""


def canonical(value: Any) -> bytes:
    """Canonical JSON."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8")


def digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def bundle_id(folder: Path) -> str:
    """The id of a packed bundle, from its index.json."""
    return json.loads((folder / "index.json").read_text(encoding="utf-8"))["manifests"][0]["digest"]


def _files(source: Path) -> dict[str, bytes]:
    names = sorted(p.name for p in source.iterdir() if p.name != "bundle.json" and not p.name.startswith("."))
    unknown = [name for name in names if name not in MEDIA]
    if unknown:
        raise PackError(f"{source}: no such file in a bundle: {', '.join(unknown)}")
    if sum(name in FORMATS for name in names) != 1:
        raise PackError(f"{source}: exactly one of {', '.join(FORMATS)} is needed")
    return {name: (source / name).read_bytes() for name in names}


def _teacher(teacher: str | None, beside: Path) -> str | None:
    if not teacher or teacher.startswith("sha256:"):
        return teacher
    if not (beside / teacher / "index.json").is_file():
        raise PackError(f"the teacher {teacher} must be packed first, in {beside}")
    return bundle_id(beside / teacher)


def _annotations(about: dict[str, Any], beside: Path) -> dict[str, str]:
    values = {
        "org.opencontainers.image.title": about["name"],
        "org.opencontainers.image.version": about["version"],
        "org.opencontainers.image.licenses": about["licenses"],
        "canopy.hardware": ",".join(about["hardware"]),
        "canopy.memory": str(about["memory"]),
        "canopy.optimization": ",".join(about.get("optimization", [])),
        "canopy.teacher": _teacher(about.get("teacher"), beside),
        "canopy.fp32-bytes": str(about["fp32_bytes"]) if about.get("fp32_bytes") else None,
    }
    return {key: value for key, value in values.items() if value}


def _config(about: dict[str, Any], files: dict[str, bytes]) -> dict[str, Any]:
    descriptor = {"name": about["name"], "version": about["version"], "licenses": [about["licenses"]]}
    if about.get("description"):
        descriptor["description"] = about["description"]
    config = {"format": next(FORMATS[name] for name in files if name in FORMATS), "precision": about["precision"]}
    if about.get("parameters"):
        config["paramSize"] = str(about["parameters"])
    diff_ids = [digest(data) for data in files.values()]
    return {"descriptor": descriptor, "config": config, "modelfs": {"type": "layers", "diffIds": diff_ids}}


def pack(source: Path, out: Path) -> str:
    """Write the bundle of a source folder; answers its id."""
    try:
        about = json.loads((source / "bundle.json").read_text(encoding="utf-8"))
        files = _files(source)
        config = canonical(_config(about, files))
        layers = [{"mediaType": MEDIA[name], "digest": digest(data), "size": len(data),
                   "annotations": {"org.cncf.model.filepath": name}} for name, data in files.items()]
        manifest = canonical({
            "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": ARTIFACT,
            "config": {"mediaType": CONFIG, "digest": digest(config), "size": len(config)},
            "layers": layers, "annotations": _annotations(about, out.parent)})
    except (OSError, KeyError, ValueError) as error:
        raise PackError(f"{source}: {error!r}") from error
    if out.exists():
        shutil.rmtree(out)
    blobs = out / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    for data in [*files.values(), config, manifest]:
        (blobs / hashlib.sha256(data).hexdigest()).write_bytes(data)
    entry = {"mediaType": MANIFEST, "artifactType": ARTIFACT, "digest": digest(manifest), "size": len(manifest)}
    (out / "index.json").write_bytes(canonical({"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}))
    (out / "oci-layout").write_bytes(canonical({"imageLayoutVersion": "1.0.0"}))
    return digest(manifest)


def verify(folder: Path) -> str:
    """Check every digest and size of a bundle; answers its id."""
    def blob(entry: dict[str, Any]) -> bytes:
        data = (folder / "blobs" / "sha256" / entry["digest"].removeprefix("sha256:")).read_bytes()
        if digest(data) != entry["digest"] or len(data) != entry["size"]:
            raise PackError(f"{folder}: {entry['digest']} does not match its bytes")
        return data

    index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    manifest = json.loads(blob(index["manifests"][0]))
    known = {index["manifests"][0]["digest"], manifest["config"]["digest"]}
    blob(manifest["config"])
    for layer in manifest["layers"]:
        blob(layer)
        known.add(layer["digest"])
    extra = {"sha256:" + p.name for p in (folder / "blobs" / "sha256").iterdir()} - known
    if extra:
        raise PackError(f"{folder}: blobs that nothing names: {', '.join(sorted(extra))}")
    return index["manifests"][0]["digest"]


def main() -> None:
    parser = argparse.ArgumentParser(description="Pack a model's source folder into a bundle.")
    parser.add_argument("--verify", action="store_true", help="check OUT instead of writing it")
    parser.add_argument("paths", nargs="+", type=Path, help="SOURCE OUT, or bundles with --verify")
    arguments = parser.parse_args()
    try:
        if arguments.verify:
            for folder in arguments.paths:
                print(f"{verify(folder)}  {folder}")
        elif len(arguments.paths) == 2:
            print(f"{pack(*arguments.paths)}  {arguments.paths[1]}")
        else:
            parser.error("give SOURCE and OUT")
    except (PackError, OSError) as error:
        sys.exit(f"pack: {error}")


if __name__ == "__main__":
    main()
