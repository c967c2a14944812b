"""The gate between a camera and the counter: once per showing, and barcodes only when two reads agree."""

from poi_qr.decoders import Symbol
from poi_qr.gate import ScanGate

QR = Symbol("qr", b"TOKEN", "zxing-cpp")
EAN = Symbol("ean-13", b"3760123456784", "zxing-cpp")
EAN_BY_ZBAR = Symbol("ean-13", b"3760123456784", "zbar")
MISREAD = Symbol("ean-13", b"7004813002834", "zbar")


class Camera:
    """A source that shows frames to a gate at times of the test's choice."""

    def __init__(self, **options: float) -> None:
        self.now = 0.0
        self.gate = ScanGate(lambda: self.now, **options)  # type: ignore[arg-type]

    def show(self, *symbols: Symbol, at: float, source: str = "camera-1") -> list[Symbol]:
        self.now = at
        return self.gate.offer(source, symbols)


def test_a_qr_code_passes_at_once() -> None:
    assert Camera().show(QR, at=0) == [QR]


def test_a_code_held_in_view_passes_once_however_long() -> None:
    camera = Camera()
    passed = [camera.show(QR, at=tenth / 10) for tenth in range(100)]
    assert passed == [[QR]] + [[]] * 99


def test_a_code_taken_away_and_shown_again_passes_again() -> None:
    camera = Camera(mute_seconds=2.5)
    assert camera.show(QR, at=0) == [QR]
    assert camera.show(QR, at=2.4) == []
    assert camera.show(QR, at=4.8) == []
    assert camera.show(QR, at=7.3) == [QR]


def test_another_code_is_not_muted() -> None:
    camera = Camera()
    other = Symbol("qr", b"NEXT", "zxing-cpp")
    assert camera.show(QR, at=0) == [QR]
    assert camera.show(QR, other, at=0.1) == [other]


def test_each_source_is_its_own() -> None:
    camera = Camera()
    assert camera.show(QR, at=0) == [QR]
    assert camera.show(QR, at=0.1, source="camera-2") == [QR]


def test_a_barcode_needs_a_second_frame() -> None:
    camera = Camera()
    assert camera.show(EAN, at=0) == []
    assert camera.show(EAN, at=0.2) == [EAN]
    assert camera.show(EAN, at=0.4) == []


def test_the_frames_of_two_sources_do_not_confirm_each_other() -> None:
    camera = Camera()
    assert camera.show(EAN, at=0) == []
    assert camera.show(EAN, at=0.1, source="camera-2") == []


def test_a_second_frame_that_comes_too_late_counts_as_a_first() -> None:
    camera = Camera(agree_seconds=2.0)
    assert camera.show(EAN, at=0) == []
    assert camera.show(EAN, at=2.0) == []
    assert camera.show(EAN, at=3.9) == [EAN]


def test_a_barcode_that_two_engines_read_passes_at_once() -> None:
    assert Camera().show(EAN, EAN_BY_ZBAR, at=0) == [EAN]


def test_the_same_engine_twice_in_one_frame_is_one_read() -> None:
    assert Camera().show(EAN, EAN, at=0) == []


def test_engines_that_disagree_pass_nothing() -> None:
    camera = Camera()
    assert camera.show(EAN, MISREAD, at=0) == []
    assert camera.show(EAN, at=0.1) == [EAN]


def test_a_gs1_barcode_that_the_other_engine_sees_as_plain_keeps_its_mark() -> None:
    plain = Symbol("code-128", b"0104012345123456", "zbar")
    marked = Symbol("gs1-128", b"0104012345123456", "zxing-cpp")
    assert Camera().show(plain, marked, at=0) == [marked]


def test_the_gate_s_memory_is_bounded() -> None:
    camera = Camera(capacity=10)
    for index in range(1000):
        camera.show(Symbol("qr", b"%d" % index, "zxing-cpp"), Symbol("ean-13", b"%d" % index, "zbar"), at=index / 1e6)
    assert camera.show(Symbol("qr", b"999", "zxing-cpp"), at=0.01) == []
    assert camera.show(Symbol("qr", b"0", "zxing-cpp"), at=0.01) == [Symbol("qr", b"0", "zxing-cpp")]
