"""A real Kafka broker (4.x, KRaft, one node) on free loopback ports. Needs java and, the first time, mvn."""

from __future__ import annotations

import hashlib
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from support.certificates import certificate
from support.servers.required import missing

POM = Path(__file__).with_name("pom.xml")
CACHE = Path(__file__).parents[3] / ".cache" / "kafka"
DOWNLOAD_SECONDS = 600
START_SECONDS = 60.0
STOP_SECONDS = 20.0
USER, PASSWORD = "campaigns", "correct horse"
"""Who may use the listener at `KafkaServer.secured`."""

# Short time-outs, for tests that kill members or the broker itself; few threads and small buffers, for two cores.
PROPERTIES = f"""
process.roles=broker,controller
node.id=1
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAIN
listener.security.protocol.map=PLAIN:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURED:SASL_SSL
listener.name.secured.ssl.keystore.type=PEM
listener.name.secured.ssl.client.auth=none
listener.name.secured.sasl.enabled.mechanisms=PLAIN
listener.name.secured.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \
user_{USER}="{PASSWORD}";
auto.create.topics.enable=false
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=500
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=3000
num.network.threads=2
num.io.threads=4
background.threads=2
log.cleaner.dedupe.buffer.size=2097152
"""


@dataclass(frozen=True)
class Ports:
    """Where the broker listens. What connects to `behind_proxy` is told to go on at `advertised`, the proxy."""

    plain: int
    secured: int
    controller: int
    behind_proxy: int
    advertised: int

    @classmethod
    def free(cls, proxied: int | None) -> Ports:
        with ExitStack() as stack:
            probes = [stack.enter_context(socket.socket()) for _ in range(4)]
            for probe in probes:
                probe.bind(("127.0.0.1", 0))
            plain, secured, controller, behind_proxy = (probe.getsockname()[1] for probe in probes)
        return cls(plain, secured, controller, behind_proxy, proxied or behind_proxy)

    def properties(self) -> str:
        """The listeners, as lines of server.properties."""
        ports = {"PLAIN": self.plain, "SECURED": self.secured, "PROXIED": self.behind_proxy}
        advertised = ports | {"PROXIED": self.advertised}
        return (
            f"controller.quorum.voters=1@127.0.0.1:{self.controller}\n"
            f"listeners={addresses(ports | {'CONTROLLER': self.controller})}\n"
            f"advertised.listeners={addresses(advertised)}\n"
        )


def addresses(ports: dict[str, int]) -> str:
    """Listeners as Kafka spells them."""
    return ",".join(f"{name}://127.0.0.1:{port}" for name, port in ports.items())


class KafkaServer:
    """A broker in a folder of its own; it keeps folder and ports when it is restarted.

    `address` is where clients connect (host:port), `secured` the same with TLS and SASL PLAIN for `USER` and
    `PASSWORD`, `behind_proxy` the same for clients that shall stay on a proxy.
    """

    def __init__(self, folder: Path, ports: Ports) -> None:
        self._folder = folder
        self._ports = ports
        self._process: subprocess.Popen[bytes] | None = None
        self.address = f"127.0.0.1:{ports.plain}"
        self.secured = f"127.0.0.1:{ports.secured}"
        self.behind_proxy = f"127.0.0.1:{ports.behind_proxy}"

    @classmethod
    def started(cls, folder: Path, *, proxied: int | None = None) -> KafkaServer:
        """A new broker that answers. `proxied`: the port at which a test's own proxy listens, which forwards to
        `behind_proxy`. Where it cannot be had, the test is skipped with the reason, or fails with CI set."""
        server = cls(folder, Ports.free(proxied))
        server._format()
        server.restart()
        return server

    @property
    def pid(self) -> int:
        """The broker's process."""
        if self._process is None:
            raise RuntimeError("the broker does not run")
        return self._process.pid

    def restart(self) -> None:
        """Start it again after `kill` or `stop`; returns when it answers."""
        if self._process is not None:
            raise RuntimeError("the broker runs")
        with (self._folder / "broker.log").open("ab") as log:
            command = [*dies_with_us(), *java("-Xms256m", "-Xmx512m"), "kafka.Kafka", str(self._settings)]
            self._process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        try:
            self._await_answer(time.monotonic() + START_SECONDS)
        except BaseException:
            self.close()
            raise

    def kill(self) -> None:
        """SIGKILL."""
        self._end(signalled=False)

    def stop(self) -> None:
        """SIGTERM; returns when the process is gone."""
        self._end(signalled=True)

    def close(self) -> None:
        """End it, whatever its state. A second call does nothing."""
        self._end(signalled=False)

    @property
    def certificate(self) -> Path:
        """What vouches for the listener at `secured`."""
        return self._folder / "server.pem"

    @property
    def _settings(self) -> Path:
        return self._folder / "server.properties"

    def _format(self) -> None:
        if shutil.which("openssl") is None:
            missing("kafka", "openssl, which makes its certificate, is not installed")
        made = certificate(self._folder, "server")
        keystore = self._folder / "keystore.pem"
        keystore.write_text(made.with_suffix(".key").read_text() + made.read_text())
        own = f"log.dirs={self._folder / 'data'}\nlistener.name.secured.ssl.keystore.location={keystore}\n"
        self._settings.write_text(f"{PROPERTIES}{own}{self._ports.properties()}")
        tool = [*java("-XX:TieredStopAtLevel=1"), "kafka.tools.StorageTool"]
        command = [*tool, "format", "-t", "AAAAAAAAQACAAAAAAAAAAA", "-c", str(self._settings)]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        if ended.returncode:
            missing("kafka", f"cannot format its storage: {tail(ended.stderr)}")

    def _await_answer(self, deadline: float) -> None:
        try:
            from confluent_kafka import KafkaException
        except ImportError:
            missing("kafka", "confluent-kafka is not installed")
        while True:
            try:
                return answer(self.address)
            except KafkaException as error:
                ended = self._process is not None and self._process.poll() is not None
                if ended or time.monotonic() > deadline:
                    log = (self._folder / "broker.log").read_text(errors="replace")
                    missing("kafka", f"does not come up ({error}): {tail(log)}")

    def _end(self, *, signalled: bool) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if signalled:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
        else:
            process.kill()
        process.wait()


def answer(address: str) -> None:
    """Return once the broker answers for topics and for consumer groups, whose coordinator comes up last.

    A consumer asks: librdkafka's admin client crashes the process when a coordinator refuses `OffsetFetch`.
    Raises KafkaException.
    """
    from confluent_kafka import Consumer, TopicPartition

    await_port(address)  # librdkafka would wait longer and longer between two tries
    consumer = Consumer({"bootstrap.servers": address, "group.id": "ready", "log_level": 0})
    try:
        consumer.list_topics(timeout=1)
        consumer.committed([TopicPartition("ready", 0)], timeout=5)
    finally:
        consumer.close()


def await_port(address: str) -> None:
    """Wait, for a second at most, until something listens there."""
    host, port = address.split(":")
    for _ in range(50):
        try:
            socket.create_connection((host, int(port)), 1).close()
            break
        except OSError:
            time.sleep(0.02)


def java(*options: str) -> list[str]:
    """A command that runs a class of Kafka's; the class and its arguments follow."""
    if shutil.which("java") is None:
        missing("kafka", "java is not installed")
    quiet = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
    return ["java", *options, quiet, "-cp", f"{jars()}/*"]


def jars() -> Path:
    """The folder of the jars that the pom names; downloaded once, whole or not at all."""
    folder = CACHE / hashlib.sha256(POM.read_bytes()).hexdigest()[:16]
    if not folder.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as temporary:
            download(Path(temporary) / "jars")
            try:
                (Path(temporary) / "jars").rename(folder)
            except OSError:  # another test run was faster
                if not folder.exists():
                    raise
    return folder


def download(folder: Path) -> None:
    """Let Maven copy the jars into a new folder."""
    if shutil.which("mvn") is None:
        missing("kafka", "mvn is not installed, and the jars are not in the cache yet")
    command = ["mvn", "-q", "-B", "-f", str(POM), "dependency:copy-dependencies", f"-DoutputDirectory={folder}"]
    try:
        ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=DOWNLOAD_SECONDS)
    except subprocess.TimeoutExpired:
        missing("kafka", f"mvn did not copy the jars within {DOWNLOAD_SECONDS} seconds")
    if ended.returncode:
        missing("kafka", f"mvn cannot copy the jars: {tail(ended.stdout + ended.stderr)}")


def dies_with_us() -> list[str]:
    """A prefix that ends a command when the test run is killed, where the system has such a thing."""
    return ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []


def tail(text: str) -> str:
    """The last lines."""
    return "\n".join(text.strip().splitlines()[-15:]) or "it said nothing"
