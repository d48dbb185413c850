"""The files a headless baresip 1.0.0 reads: sound from a file, what it hears into files, control over TCP."""

from pathlib import Path

MODULES = Path("/usr/lib/baresip/modules")

_CONFIG = """\
poll_method epoll
sip_listen {address}:{sip_port}
net_interface {address}
call_local_timeout 300
call_max_calls 1
audio_source aufile,{microphone}
audio_player aubridge,ear
audio_alert aubridge,bell
ausrc_srate 8000
auplay_srate 8000
ausrc_channels 1
auplay_channels 1
audio_txmode thread
jitter_buffer_delay 0-0
rtp_ports {rtp_ports[0]}-{rtp_ports[1]}
module_path {modules}
module g711.so
module aufile.so
module aubridge.so
module sndfile.so
module srtp.so
module_tmp uuid.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:{control_port}
snd_path {dumps}
menu_bell no
statmode_default off
"""


def write_configuration(
    folder: Path,
    account: str,
    *,
    microphone: Path,
    address: str,
    sip_port: int,
    control_port: int,
    rtp_ports: tuple[int, int],
    dumps: Path,
) -> None:
    """Write config, accounts (one line, see `account_line`) and contacts into `folder`.

    Without a jitter buffer: what arrives is recorded when it arrives, not 0.1 s later.
    """
    config = _CONFIG.format(
        microphone=microphone.resolve(),
        address=address,  # an address, not "lo": by name it finds none, and without one media leaves by eth0
        sip_port=sip_port,
        control_port=control_port,
        rtp_ports=rtp_ports,
        modules=MODULES,
        dumps=dumps,
    )
    (folder / "config").write_text(config)
    (folder / "accounts").write_text(account + "\n")
    (folder / "contacts").touch()


def account_line(
    user: str, registrar: str, password: str | None, transport: str, answers: str, encrypted: bool = False
) -> str:
    """The account in baresip's syntax; without a password it does not register. Its texts must need no quoting."""
    login = f";auth_user={user};auth_pass={password};regint=300" if password is not None else ";regint=0"
    return (
        f"<sip:{user}@{registrar};transport={transport}>{login}"
        f";answermode={answers};audio_codecs=pcma;dtmfmode=rtpevent" + (";mediaenc=srtp-mand" if encrypted else "")
    )
