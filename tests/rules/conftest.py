import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from ivr.rules import Rules, load_rules

SHIPPED = Path(__file__).parents[2] / "routing_rules.yaml"

TIMES = {"thorough": 20, "overnight": 1000}.get(os.environ.get("HYPOTHESIS_PROFILE", ""), 1)
"""`HYPOTHESIS_PROFILE=thorough pytest tests/rules` tries twenty times as many examples, `overnight` a thousand."""


def examples(count: int) -> settings:
    """How many random examples a property is tried with."""
    return settings(max_examples=count * TIMES, deadline=None, suppress_health_check=[HealthCheck.too_slow])


SMALL = """\
kota: {nama: Kota Contoh, kode: 99.01, zona: Asia/Makassar}
kategori:
  api: {tombol: 1, nama: Kebakaran, sinonim: [asap]}
  sampah: {tombol: 2, nama: Sampah, darurat: tidak}
wilayah:
  99.01.01:
    tombol: 1
    nama: Utara
    alias: [Lor]
    kelurahan:
      99.01.01.1001: Utara
      99.01.01.1002: Pasar
  99.01.02:
    tombol: 2
    nama: Selatan
    kelurahan:
      99.01.02.1001: {nama: Pantai, alias: Pesisir}
jalur:
  pos_siang: {akun: pos_siang}
  pos_malam: {akun: pos_malam, detik: 25}
  kantor: {telepon: 0213455670, terima: langsung}
  siaga: {akun: siaga, detik: 30}
piket:
  pos:
    - {jam: 07:00-21:00, jalur: pos_siang}
    - {jam: 21:00-07:00, jalur: pos_malam}
  kantor:
    - {hari: senin-jumat, jam: 08:00-16:00, jalur: kantor}
instansi:
  damkar: {nama: Damkar, piket: pos}
  dlh: {nama: DLH, piket: kantor}
  bpbd: {nama: BPBD, jalur: siaga}
operator: {akun: [op_1, op_2]}
aturan:
  - {kategori: api, wilayah: Pantai, langkah: [[damkar, bpbd]]}
  - {kategori: api, langkah: [damkar]}
  - {kategori: sampah, wilayah: Utara, langkah: [dlh, operator, damkar]}
siaga_24_jam: siaga
"""


@pytest.fixture(scope="session")
def small() -> Rules:
    return load_rules(SMALL)


@pytest.fixture(scope="session")
def shipped() -> Rules:
    return load_rules(SHIPPED)


@contextmanager
def out_of_sight(folder: Path) -> Iterator[None]:
    """A folder that an ordinary user may not look into; who runs this is one meanwhile."""
    root = os.geteuid() == 0
    folder.chmod(0)
    try:
        if root:
            os.seteuid(65534)
        yield
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o700)
