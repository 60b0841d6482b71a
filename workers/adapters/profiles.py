"""Credentials profiles: what an endpoint's `credentials_profile` names, and the only hosts that it is sent to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from supabase_webhooks.webhooks.errors import SetupError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

#: A profile's field for its hosts, comma-separated, whatever the protocol.
HOSTS = "hosts"

#: Fields that are not secret and may go anywhere.
PUBLIC = frozenset({"ca_file"})

#: The domains of AWS's partitions (botocore's data/partitions.json).
AWS = (
    "amazonaws.com", "amazonaws.com.cn", "amazonaws.eu", "api.aws", "api.amazonwebservices.com.cn",
    "api.amazonwebservices.eu", "c2s.ic.gov", "api.aws.ic.gov", "sc2s.sgov.gov", "api.aws.scloud", "cloud.adc-e.uk",
    "api.cloud-aws.adc-e.uk", "csp.hci.ic.gov", "api.aws.hci.ic.gov",
)  # fmt: skip

_PARTITION = "|".join(map(re.escape, AWS))

#: scheme -> its provider's own hosts, for a profile that names none. Of AWS's, the queues' only: a load balancer that
#: anyone may have is below amazonaws.com too. (https://docs.aws.amazon.com/general/latest/gr/sqs-service.html)
PROVIDERS = {
    "sqs": re.compile(
        rf"((vpce-[a-z0-9-]+\.)?sqs(-fips)?\.[a-z0-9-]+\.(vpce\.)?({_PARTITION})"
        rf"|([a-z0-9-]+\.)?queue\.({_PARTITION})):443"
    ),
    "pubsub": re.compile(r"pubsub\.googleapis\.com:443"),
}

#: A host, or all below a domain of at least two labels, with a port or on any.
_PATTERN = re.compile(r"(\*\.(?=.*\.))?(\[[0-9a-f:]+\]|[a-z0-9_-]+(\.[a-z0-9_-]+)*)(:[0-9]{1,5})?")


@dataclass(frozen=True)
class Profile:
    """Credentials of a protocol; none for an endpoint that names no profile: its SDK finds its own, or needs none."""

    name: str
    scheme: str
    credentials: Mapping[str, str]
    hosts: Sequence[str] = ()

    @classmethod
    def of(cls, name: str, scheme: str, entry: Mapping[str, str]) -> Profile:
        """Return an entry of WEBHOOKS_CREDENTIALS. Raises SetupError for hosts that are malformed."""
        hosts = [one.strip().lower() for one in entry.get(HOSTS, "").split(",") if one.strip()]
        for host in hosts:
            if not _PATTERN.fullmatch(host):
                raise SetupError(
                    f"WEBHOOKS_CREDENTIALS, {name}: {HOSTS} has {host!r}, which is not a host;"
                    " examples: broker.example.com:9092, *.kafka.example.com"
                )
        return cls(name, scheme, {key: value for key, value in entry.items() if key != HOSTS}, tuple(hosts))

    def check(self, hosts: Iterable[str]) -> None:
        """Raise SetupError for a host, written `host:port`, that the credentials are not for."""
        if not set(self.credentials) - PUBLIC:
            return
        for host in hosts:
            if not self._belongs(host):
                raise SetupError(f"the credentials_profile {self.name!r} is not for {host}; {self._fix(host)}")

    def _belongs(self, host: str) -> bool:
        if self.hosts:
            return any(_matches(host.lower(), pattern) for pattern in self.hosts)
        return of_provider(self.scheme, host)

    def _fix(self, host: str) -> str:
        if self.hosts:
            return f"add it to the profile's {HOSTS} in WEBHOOKS_CREDENTIALS, or name another profile"
        example = f'{{"{self.name}": {{"{HOSTS}": "{host}", ...}}}}'
        return f"add its hosts in WEBHOOKS_CREDENTIALS, for example {example}"


def of_provider(scheme: str, host: str) -> bool:
    """Return whether `host:port` is one of the protocol's provider: AWS's for SQS, Google's for Pub/Sub."""
    provider = PROVIDERS.get(scheme)
    return bool(provider and provider.fullmatch(host.lower()))


def _matches(host: str, pattern: str) -> bool:
    """Return whether `host:port` matches a pattern; one without a port matches any port."""
    name, _, port = host.rpartition(":")
    wanted, colon, number = pattern.rpartition(":") if re.search(r":[0-9]+$", pattern) else (pattern, "", "")
    if colon and number != port:
        return False
    if wanted.startswith("*."):
        return name.endswith(wanted[1:])
    return name == wanted
