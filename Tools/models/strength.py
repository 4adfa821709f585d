"""How strong may the degradation of the meter frames be? Prints what the trained leaf (INT8) and regional networks
reach on the validation digits (four frames of each) at some strengths, and what escalating 8 % gives. The strength
that puts the leaf alone between 92 and 94.5 % goes into frames.json. It looks at no test frame; but test figures were seen four times while the
leaf and the rule were tuned (see "chosen" in frames.json), so they are slightly optimistic.

    python Tools/models/strength.py 1.0 1.1 1.2
"""

from __future__ import annotations

import sys

import convnet
import digits_data
import frames
import make_digits
import sources

VARIANTS = 4


def main() -> None:
    if len(sys.argv) < 2 or sys.argv[1] in ("-h", "--help"):
        sys.exit(__doc__)
    config = frames.load_config()
    ranges = make_digits.ranges(config)
    leaf, _, _ = sources.models(make_digits.network("digits-leaf", "", 0, ranges=ranges))
    regional, _, _ = sources.models(make_digits.network("digits-regional", "", 0))
    runners = convnet.Runner(leaf), convnet.Runner(regional)
    for strength in map(float, sys.argv[1:]):
        images, labels = digits_data.load("validation", config | {"strength": strength}, VARIANTS)
        below, above = (runner.logits(digits_data.tensors(images)) for runner in runners)
        both = sources.cascade(below, above, labels, 1.0, 0.08)
        print(f"strength {strength}: leaf {sources.share_right(below, labels):.4f}, regional "
              f"{sources.share_right(above, labels):.4f}, 8 % escalated {both:.4f} (n={len(labels)})", flush=True)


if __name__ == "__main__":
    main()
