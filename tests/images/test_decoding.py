"""Decoding: D1–D6 and what each kind of pixel becomes."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import zipfile
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile

from failatlas.images.decoding import Decoding, decode
from failatlas.images.records import BadImage

RAMP = np.linspace(0, 65535, 64 * 64).astype(np.uint16).reshape(64, 64)
RAMP_8 = np.round(RAMP / 257).astype(np.uint8)


def code(data: bytes, decoding: Decoding | None = None) -> str:
    with pytest.raises(BadImage) as caught:
        decode(data, decoding)
    assert "\n" not in str(caught.value)
    assert "0x" not in str(caught.value), "an address differs between runs"
    return caught.value.name


FORMATS = [
    ("JPEG", {}),
    ("JPEG", {"progressive": True}),
    ("PNG", {}),
    ("WEBP", {}),
    ("WEBP", {"lossless": True}),
    ("BMP", {}),
    ("GIF", {}),
    ("TIFF", {}),
    ("TIFF", {"compression": "tiff_lzw"}),
    ("PPM", {}),
]


@pytest.mark.parametrize(("image_format", "options"), FORMATS)
def test_pixels_equal_those_of_pillow(image_format, options, photo, encode):
    data = encode(photo, image_format, **options)
    decoded = decode(data)
    assert decoded.pixels.dtype == np.uint8
    np.testing.assert_array_equal(decoded.pixels, np.asarray(Image.open(io.BytesIO(data)).convert("RGB")))
    assert not decoded.pixels.flags.writeable
    assert decoded.notices == ()


@pytest.mark.parametrize(("image_format", "options"), FORMATS)
def test_D1_a_file_cut_anywhere_is_refused_or_whole(image_format, options, photo, encode):
    data = encode(photo[:20, :24], image_format, **options)
    whole = decode(data).pixels
    refused = []
    for end in range(0, len(data), max(1, len(data) // 150)):
        try:
            np.testing.assert_array_equal(decode(data[:end]).pixels, whole)
        except BadImage as error:
            refused.append(error.name)
    assert len(refused) > 100
    assert set(refused) <= {"E_IMG_TRUNCATED", "E_IMG_UNREADABLE"}
    assert code(data[: len(data) // 2]) == "E_IMG_TRUNCATED" or image_format == "TIFF"


def test_D1_truncated_jpeg_is_quarantined_even_when_the_process_is_lenient(photo, encode, monkeypatch):
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    assert code(encode(photo, "JPEG")[:-200]) == "E_IMG_TRUNCATED"
    assert ImageFile.LOAD_TRUNCATED_IMAGES is True, "the process keeps its own setting"


def test_D1_empty_text_and_wrong_checksum(photo, encode):
    assert code(b"") == "E_IMG_TRUNCATED"
    assert code(b"just some text, named .jpg\n" * 40) == "E_IMG_UNREADABLE"
    data = bytearray(encode(photo, "PNG"))
    data[data.index(b"IDAT") + 100] ^= 1  # Pillow alone does not check these sums
    assert code(bytes(data)) == "E_IMG_UNREADABLE"


def test_D1_the_content_decides_not_the_name(folder, photo, encode):
    from failatlas.images import ImageSet

    (folder / "cat" / "really-a-png.jpg").write_bytes(encode(photo, "PNG"))
    images = ImageSet.open(folder)
    i = images.ids.index("cat/really-a-png.jpg")
    np.testing.assert_array_equal(images.read(i).pixels, photo)


TURNED = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: np.rot90(a, 1),
}


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(("image_format", "options"), [("PNG", {}), ("TIFF", {}), ("WEBP", {"lossless": True})])
def test_D2_exif_orientation_is_applied_once(orientation, image_format, options, photo, encode):
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = decode(encode(photo, image_format, exif=exif, **options)).pixels
    np.testing.assert_array_equal(pixels, TURNED[orientation](photo))


def test_D2_exif_orientation_of_a_jpeg(photo, encode):
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = decode(encode(photo, "JPEG", exif=exif, quality=95))
    flat = decode(encode(photo, "JPEG", quality=95))
    np.testing.assert_array_equal(turned.pixels, np.rot90(flat.pixels, -1))
    assert turned.notices == ("turned upright by EXIF orientation 6",)


def test_D2_a_senseless_orientation_is_shown_as_stored_and_said(photo, encode):
    exif = Image.Exif()
    exif[0x0112] = 77
    decoded = decode(encode(photo, "PNG", exif=exif))
    np.testing.assert_array_equal(decoded.pixels, photo)
    assert "77" in decoded.notices[0]


@pytest.mark.parametrize("order", ["<", ">"])
def test_D3_16_bit_grey_is_scaled_not_clipped(order, png16, tiff):
    expected = np.repeat(RAMP_8[:, :, None], 3, axis=2)
    for data in (png16(RAMP), tiff(RAMP.astype(order + "u2")), b"P5 64 64 65535\n" + RAMP.astype(">u2").tobytes()):
        np.testing.assert_array_equal(decode(data).pixels, expected)
    assert len(np.unique(expected)) == 256


def test_D3_32_bit_integers_count_as_16_bit_while_they_fit(encode, tiff):
    values = RAMP.astype(np.int32)
    np.testing.assert_array_equal(decode(encode(values, "TIFF")).pixels[..., 0], RAMP_8)
    assert code(encode(values + 1, "TIFF")) == "E_IMG_FORMAT"
    assert code(tiff((RAMP.astype(np.int32) - 32768).astype("<i2"))) == "E_IMG_FORMAT"


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_D3_16_bit_colour_keeps_all_levels(channels, png16, tiff):
    values = np.stack([RAMP] * channels, axis=-1)
    if channels in (2, 4):
        values[..., -1] = 65535  # opaque
    files = (
        [png16(values)]
        if channels == 2
        else [png16(values), tiff(values.astype("<u2"), 2), tiff(values.astype(">u2"), 2)]
    )
    for data in files:
        pixels = decode(data).pixels
        assert np.abs(pixels[..., 0].astype(int) - RAMP_8).max() <= 1
        assert len(np.unique(pixels)) == 256


def test_D3_16_bit_tiff_whose_white_is_zero_is_inverted(tiff):
    np.testing.assert_array_equal(decode(tiff(RAMP.astype("<u2"), 0)).pixels[..., 0], 255 - RAMP_8)


def test_D3_one_transparent_grey_value_of_16_bit_shows_the_background(png16):
    data = png16(np.array([[0, 257 * 80]], np.uint16), struct.pack(">H", 257 * 80))
    np.testing.assert_array_equal(decode(data, Decoding(background=(1, 2, 3))).pixels, [[[0, 0, 0], [1, 2, 3]]])


@pytest.mark.parametrize("maximum", [1, 100, 254, 1023, 40000])
@pytest.mark.parametrize("channels", [1, 3])
def test_D3_netpbm_of_any_maximum(maximum, channels):
    rng = np.random.default_rng(maximum)
    values = rng.integers(0, maximum + 1, (5, 7, channels))
    kind = "u1" if maximum < 256 else ">u2"
    header = f"P{5 if channels == 1 else 6}\n# a comment\n7 5\n{maximum}\n".encode()
    pixels = decode(header + values.astype(kind).tobytes()).pixels
    expected = np.floor(values * 255 / maximum + 0.5)
    np.testing.assert_array_equal(pixels, np.broadcast_to(expected, (5, 7, 3)))
    assert code(header + values.astype(kind).tobytes()[:-1]) == "E_IMG_TRUNCATED"


def test_D3_transparency_of_every_kind_shows_the_stated_background(encode):
    rgba = np.zeros((1, 3, 4), np.uint8)
    rgba[0] = [[200, 100, 0, 255], [200, 100, 0, 0], [200, 100, 0, 128]]
    image = Image.fromarray(rgba)
    pixels = decode(encode(image, "PNG")).pixels
    np.testing.assert_array_equal(pixels[0, :2], [[200, 100, 0], [255, 255, 255]])
    np.testing.assert_allclose(pixels[0, 2], 255 + (np.array([200, 100, 0]) - 255) * 128 / 255, atol=1)
    on_red = decode(encode(image, "PNG"), Decoding(background=(255, 0, 0))).pixels
    np.testing.assert_array_equal(on_red[0, 1], [255, 0, 0])
    np.testing.assert_array_equal(decode(encode(image, "WEBP", lossless=True)).pixels[0, :2], pixels[0, :2])
    grey = Image.new("LA", (2, 1))
    grey.putdata([(50, 0), (50, 255)])
    np.testing.assert_array_equal(decode(encode(grey, "PNG")).pixels[0], [[255] * 3, [50] * 3])


def test_D3_palette_with_a_transparent_entry_and_colour_keys(encode, png):
    palette = Image.new("P", (2, 1))
    palette.putpalette([10, 20, 30, 40, 50, 60])
    palette.putdata([0, 1])
    expected = [[255, 255, 255], [40, 50, 60]]
    np.testing.assert_array_equal(decode(encode(palette, "PNG", transparency=0)).pixels[0], expected)
    np.testing.assert_array_equal(decode(encode(palette, "PNG", transparency=b"\x00\xff")).pixels[0], expected)
    np.testing.assert_array_equal(decode(encode(palette, "GIF", transparency=0)).pixels[0], expected)
    keyed = png(b"\0\x01\x02\x03\x0a\x0b\x0c", 2, 1, 8, 2, struct.pack(">HHH", 1, 2, 3))
    np.testing.assert_array_equal(decode(keyed).pixels[0], [[255, 255, 255], [10, 11, 12]])


def test_D3_one_bit_and_cmyk(encode):
    bits = Image.new("1", (2, 1))
    bits.putdata([0, 255])
    for image_format in ("PNG", "TIFF", "PPM", "BMP"):
        np.testing.assert_array_equal(decode(encode(bits, image_format)).pixels[0], [[0] * 3, [255] * 3])
    cmyk = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    for image_format in ("JPEG", "TIFF"):
        np.testing.assert_allclose(decode(encode(cmyk, image_format)).pixels[8, 8], [255, 0, 0], atol=2)


def test_D3_float_tiff_by_its_range_and_nan_refused(tiff):
    unit = np.array([[0, 0.5, 1]], "<f4")
    np.testing.assert_array_equal(decode(tiff(unit)).pixels[0, :, 0], [0, 128, 255])
    np.testing.assert_array_equal(decode(tiff(np.array([[0, 7.4, 255]], ">f4"))).pixels[0, :, 0], [0, 7, 255])
    assert code(tiff(np.array([[0, np.nan]], "<f4"))) == "E_IMG_NAN"
    assert code(tiff(np.array([[0, np.inf]], "<f4"))) == "E_IMG_NAN"
    assert code(tiff(np.array([[-1, 0.5]], "<f4"))) == "E_IMG_FORMAT"
    assert code(tiff(np.array([[0, 5000]], "<f4"))) == "E_IMG_FORMAT"


@pytest.mark.parametrize(
    ("image_format", "options"), [("GIF", {}), ("PNG", {}), ("WEBP", {"lossless": True}), ("TIFF", {})]
)
def test_D4_several_frames_give_the_first_and_a_notice(image_format, options, encode):
    frames = [Image.new("RGB", (8, 6), colour) for colour in ((255, 0, 0), (0, 255, 0), (0, 0, 255))]
    data = encode(frames[0], image_format, save_all=True, append_images=frames[1:], **options)
    decoded = decode(data)
    assert decoded.notices == ("first of 3 frames",)
    np.testing.assert_array_equal(decoded.pixels, np.full((6, 8, 3), (255, 0, 0)))


def bombs(png, encode, tiff, photo):
    yield "png 400 Mpx, 1 bit", png((bytes(2501 * 100) for _ in range(200)), 20_000, 20_000, 1, 0)
    yield "png 1 × 60,000", png(bytes(2 * 60_000), 1, 60_000, 8, 0)
    yield "gif", b"GIF89a" + struct.pack("<HH", 65535, 65535) + bytes(100)
    yield "bmp", b"BM" + bytes(12) + struct.pack("<Iii", 40, 20_000, -20_000) + bytes(100)
    yield "webp lossless", b"RIFF" + struct.pack("<I", 100) + b"WEBPVP8L" + struct.pack("<IB", 80, 0x2F) + b"\xff" * 99
    yield "webp extended", b"RIFF" + struct.pack("<I", 99) + b"WEBPVP8X" + struct.pack("<II", 10, 0) + b"\xff" * 99
    jpeg = bytearray(encode(photo, "JPEG"))
    place = jpeg.index(b"\xff\xc0") + 5
    jpeg[place : place + 4] = struct.pack(">HH", 60_000, 60_000)
    yield "jpeg", bytes(jpeg)
    yield "tiff", tiff(np.zeros((30_000, 1), "u1"), width=30_000)
    yield "ppm", b"P6 20000 20000 255\n" + bytes(100)
    yield "ppm 16 bit", b"P6 20000 20000 65535\n" + bytes(100)


def test_D5_bombs_are_refused_from_their_header(png, encode, tiff, photo):
    for name, data in bombs(png, encode, tiff, photo):
        assert code(data) == "E_IMG_TOO_LARGE", name


def test_D5_a_144_megapixel_png_of_140_kB_grows_memory_by_less_than_200_MB(tmp_path, png):
    data = png((bytes(12_001 * 50) for _ in range(240)), 12_000, 12_000, 8, 0)
    assert len(data) < 160_000
    (tmp_path / "bomb.png").write_bytes(data)
    script = (
        "import resource, sys\n"
        "from PIL import Image\n"
        "from failatlas.images import decode, BadImage\n"
        "data = open(sys.argv[1], 'rb').read()\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try: decode(data)\n"
        "except BadImage as error: print(error.name, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    run = subprocess.run([sys.executable, "-c", script, str(tmp_path / "bomb.png")], capture_output=True, text=True)
    name, grown_kb = run.stdout.split()
    assert name == "E_IMG_TOO_LARGE"
    assert int(grown_kb) < 200_000


def test_D5_limits_are_settings(photo, encode, png):
    data = encode(photo, "PNG")
    assert code(data, Decoding(max_megapixels=0.001)) == "E_IMG_TOO_LARGE"
    assert code(data, Decoding(max_side_px=60)) == "E_IMG_TOO_LARGE"
    blank = png((bytes(251 * 100) for _ in range(20)), 2000, 2000, 1, 0)
    assert decode(blank).pixels.shape == (2000, 2000, 3), "a blank page is no bomb"
    assert code(blank, Decoding(max_pixels_per_byte=100)) == "E_IMG_TOO_LARGE"


def test_D5_a_zip_of_zeros_is_no_image():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.png", bytes(5_000_000))
    assert code(buffer.getvalue()) == "E_IMG_FORMAT"


def test_D6_formats_off_the_list_are_refused_and_ghostscript_never_runs(tmp_path, photo, encode, monkeypatch):
    ghostscript = tmp_path / "gs"
    ghostscript.write_text(f"#!/bin/sh\ntouch {tmp_path}/canary\n")
    ghostscript.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    strangers = {
        "EPS": encode(photo, "EPS"),
        "PDF": encode(photo, "PDF"),
        "SVG": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
        "XML": b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg>&x;</svg>',
        "ICNS": b"icns" + bytes(200),
        "PSD": b"8BPS\0\x01" + bytes(200),
        "JPEG 2000": encode(photo, "JPEG2000"),
        "AVIF": b"\0\0\0\x20ftypavif" + bytes(200),
        "ICO": encode(photo, "ICO"),
        "text PPM": b"P3 1 1 255 1 2 3",
    }
    for name, data in strangers.items():
        assert code(data) == "E_IMG_FORMAT", name
    assert not (tmp_path / "canary").exists()


def test_pillow_warnings_become_notices_not_noise(photo, encode, recwarn):
    body = b"acTL" + struct.pack(">II", 0, 0)  # an animation of no frames
    chunk = struct.pack(">I", 8) + body + struct.pack(">I", zlib.crc32(body))
    data = encode(photo, "PNG")
    decoded = decode(data[:33] + chunk + data[33:])
    np.testing.assert_array_equal(decoded.pixels, photo)
    assert decoded.notices[0].startswith("Pillow: Invalid APNG")
    assert len(recwarn) == 0


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_H15_no_bytes_raise_anything_but_a_bad_image(data, photo, encode):
    image_format, options = data.draw(st.sampled_from(FORMATS))
    content = bytearray(encode(photo[:9, :11], image_format, **options))
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    try:
        pixels = decode(bytes(content), Decoding(max_megapixels=1)).pixels
    except BadImage:
        return
    assert pixels.ndim == 3
    assert pixels.shape[2] == 3


@given(st.binary(max_size=400))
def test_H15_random_bytes_are_a_bad_image(data):
    for start in (b"", b"\x89PNG\r\n\x1a\n", b"RIFF....WEBP", b"GIF89a", b"BM", b"II*\0", b"P6 ", b"\xff\xd8\xff"):
        try:
            decode(start + data, Decoding(max_megapixels=1))
        except BadImage:
            continue


def test_a_bad_image_says_everything_in_one_line():
    error = BadImage("empty", where="a\nb.png", code="E_IMG_TRUNCATED")
    assert str(error) == "E_IMG_TRUNCATED: empty at a\\nb.png"
    assert error.exit_status == 3
