"""The example of the README runs, and its picture shows what the text says."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from failatlas.simulators import raster

README = Path(raster.__file__).with_name("README.md")


def test_the_example_draws_a_lit_ball_and_its_shadow(tmp_path):
    code = re.search(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)[1]
    script = tmp_path / "ball.py"
    script.write_text(code, encoding="utf-8")
    done = subprocess.run([sys.executable, "-W", "error", str(script)], cwd=tmp_path, capture_output=True, text=True)
    assert done.stderr == ""
    image = np.asarray(Image.open(tmp_path / "ball.png")).astype(int)
    lit, shaded = image[50, 52], image[75, 82]  # towards the light and away from it
    assert lit.sum() > 2 * shaded.sum()
    red_first = image[50, 52, 0] - image[50, 52, 2]
    assert red_first > 20
    floor, in_shadow = image[100, 20], image[80, 105]
    assert floor.sum() > 1.5 * in_shadow.sum()
    assert (image[5, 5] == image[5, 120]).all()  # the background
