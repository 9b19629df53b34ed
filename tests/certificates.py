"""A certificate authority of one's own, for tests that speak TLS."""

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

# Brokers and OpenSSL compare with the machine's own time, so these are far in the past and future.
ISSUED = datetime(2020, 1, 1, tzinfo=UTC)
FOREVER = timedelta(days=365 * 60)


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate and its key, as files."""

    certificate: Path
    key: Path
    serial: int

    def context(self, authority: Path) -> ssl.SSLContext:
        """Return what a client with this identity connects by."""
        context = ssl.create_default_context(cafile=str(authority))
        context.load_cert_chain(self.certificate, self.key)
        return context


class Authority:
    """Signs certificates into a folder."""

    def __init__(self, folder: Path, name: str = "City CA") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._name = folder, _named(name)
        self._key = ec.generate_private_key(ec.SECP256R1())
        own = self._builder(self._name, self._key, FOREVER).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        self.file = folder / "ca.crt"
        self.file.write_bytes(_pem(own.sign(self._key, hashes.SHA256())))

    def issue(self, name: str, *, lasts: timedelta = FOREVER, host: str | None = None) -> Identity:
        """Sign a certificate with this common name, and for a server with its host."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = self._builder(_named(name), key, lasts)
        if host is not None:
            names = x509.SubjectAlternativeName([x509.DNSName(host)])
            builder = builder.add_extension(names, critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        stem = f"{name or 'nobody'}-{certificate.serial_number}"
        files = self._folder / f"{stem}.crt", self._folder / f"{stem}.key"
        files[0].write_bytes(_pem(certificate))
        files[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return Identity(*files, certificate.serial_number)

    def revoke(self, revoked: Sequence[Identity]) -> Path:
        """Return a list of certificates that are void."""
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self._name)
            .last_update(ISSUED)
            .next_update(ISSUED + FOREVER)
        )
        for each in revoked:
            entry = x509.RevokedCertificateBuilder(each.serial, ISSUED)
            builder = builder.add_revoked_certificate(entry.build())
        file = self._folder / "ca.crl"
        file.write_bytes(
            builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        )
        return file

    def _builder(
        self, name: x509.Name, key: ec.EllipticCurvePrivateKey, lasts: timedelta
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(ISSUED)
            .not_valid_after(ISSUED + lasts)
        )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
