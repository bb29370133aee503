"""Brokers of our own, which tests kill and start again."""

import os
import shutil
import subprocess
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

from scripts.servers import free_port, wait_for_port


class PrivateServer(ABC):
    """A broker that listens on this machine only, and keeps what it has in `folder`."""

    program: ClassVar[str]

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    @abstractmethod
    def url(self) -> str:
        """Its address, with credentials if it asks for some."""

    @abstractmethod
    def launch(self, log: int) -> subprocess.Popen[bytes]:
        """Start it, and let it write to the file `log`."""

    def start(self) -> None:
        """Start it unless it runs, and wait until it accepts connections. Raises RuntimeError with its log."""
        output = self.folder / "output"
        if self.process is None or self.process.poll() is not None:
            with output.open("ab") as log:
                self.process = self.launch(log.fileno())
        wait_for_port(self.port, self.process, output)

    def kill(self) -> None:
        """Kill it with SIGKILL, if it runs."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()


class NatsServer(PrivateServer):
    program = "nats-server"

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    def launch(self, log: int) -> subprocess.Popen[bytes]:
        command = [self.program, "-a", "127.0.0.1", "-p", str(self.port), "-js", "-sd", str(self.folder / "store")]
        return subprocess.Popen(command, stdout=log, stderr=log)


class RabbitMQNode(PrivateServer):
    """A node without plugins, which reads no configuration of the machine. A start takes some ten seconds."""

    program = "rabbitmq-server"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.distribution_port = free_port()
        (folder / "plugins").write_text("[].")
        (folder / "conf.d").mkdir()
        for name in ("rabbitmq.conf", "rabbitmq-env.conf"):
            (folder / name).touch()

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}/"

    @property
    def environment(self) -> dict[str, str]:
        """Where the node listens, and its files: the cookie of Erlang is in HOME."""
        return {
            "HOME": str(self.folder),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"private-{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self.distribution_port),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} +S 1:1 +sbwt none",
            "RABBITMQ_CONF_ENV_FILE": str(self.folder / "rabbitmq-env.conf"),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_CONFIG_FILES": str(self.folder / "conf.d"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(self.folder / "advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "plugins"),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_PID_FILE": str(self.folder / "pid"),
            "RUNNING_UNDER_SYSTEMD": "true",  # the script becomes the node, and does not wait for it
        }

    def launch(self, log: int) -> subprocess.Popen[bytes]:
        # What Debian has in the path serves the node of the machine, and runs as its user.
        folders = os.pathsep.join(["/usr/lib/rabbitmq/bin", os.environ["PATH"]])
        script = shutil.which(self.program, path=folders) or self.program
        environment = os.environ | self.environment
        return subprocess.Popen([script], env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)


PRIVATE: dict[str, type[PrivateServer]] = {"rabbitmq": RabbitMQNode, "nats": NatsServer}
