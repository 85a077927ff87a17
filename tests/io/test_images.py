import pytest
import torch
from PIL import Image

from mmf_like.common.errors import DataError
from mmf_like.io.images import decode_image

RED_LEFT = torch.zeros(4, 6, 3, dtype=torch.uint8)
RED_LEFT[:, :3, 0] = 255


@pytest.fixture
def save(tmp_path):
    def to_file(name, image=None, **options):
        (image or Image.fromarray(RED_LEFT.numpy())).save(tmp_path / name, **options)
        return tmp_path / name

    return to_file


@pytest.mark.parametrize("name", ["x.png", "x.gif", "x.bmp", "x.tiff", "x.webp"])
def test_lossless_formats(save, name):
    options = {"lossless": True} if name == "x.webp" else {}
    assert torch.equal(decode_image(save(name, **options)), RED_LEFT.permute(2, 0, 1))


def test_modes(save):
    gray = Image.fromarray(torch.full((2, 2), 7, dtype=torch.uint8).numpy())
    assert decode_image(save("gray.png", gray)).tolist() == [[[7, 7], [7, 7]]] * 3
    assert decode_image(save("gray.png", gray), "UNCHANGED").shape == (1, 2, 2)
    assert decode_image(save("rgb.png"), "GRAY").shape == (1, 4, 6)
    assert decode_image(save("cmyk.jpg", Image.new("CMYK", (6, 4)))).shape == (3, 4, 6)


def test_turned_photographs_are_turned_back(save):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera lay on its side
    assert decode_image(save("x.jpg", exif=exif)).shape == (3, 6, 4)


def test_16_bit_images_keep_their_upper_byte(save):
    deep = Image.fromarray(torch.full((2, 2), 0x12FF, dtype=torch.int32).to(torch.uint16).numpy())
    assert decode_image(save("deep.png", deep), "UNCHANGED").tolist() == [[[0x12, 0x12], [0x12, 0x12]]]


def test_a_missing_image(tmp_path):
    with pytest.raises(DataError) as error:
        decode_image(tmp_path / "nope.jpg")
    assert str(error.value) == f"There is no image {tmp_path / 'nope.jpg'} (looked in {tmp_path})."


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("x.jpg", "Image is incomplete or truncated"),
        ("x.png", "Out of bound read in decode_png. Probably, the input image is corrupted"),
    ],
)
def test_a_file_cut_short(save, name, reason):
    path = save(name, Image.effect_noise((64, 64), 50))
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(DataError) as error:
        decode_image(path)
    assert str(error.value) == f"{path} is cut short or not an image: {reason} (500 bytes)."


def test_bytes_after_the_end_do_no_harm(save):
    path = save("x.jpg", quality=95)
    whole = decode_image(path)
    path.write_bytes(path.read_bytes() + b"camera" * 1000)
    assert torch.equal(decode_image(path), whole)


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"\x89PNG" + b"\0" * 50 + b"IEND\xaeB`\x82", b"\xff\xd8\xff\xff\xd9"]
)
def test_what_is_no_image(tmp_path, content):
    (tmp_path / "x.jpg").write_bytes(content)
    with pytest.raises(DataError) as error:
        decode_image(tmp_path / "x.jpg")
    assert str(error.value).startswith(f"{tmp_path}/x.jpg is cut short or not an image: ")
    assert len(str(error.value)) < 300 and "\n" not in str(error.value)
