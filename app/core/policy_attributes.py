"""What the attributes of a policy (message 2) and of a check result (message 3) are, one line each.

Few are documented. Where the article or the product's settings tell, the line says so plainly; the rest follows from
the name
and the values seen, and `is_from_name` says that.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.core.records import Text


@dataclass(frozen=True, slots=True)
class Attribute:
    name: str
    meaning: Text
    is_from_name: bool = True


def _known(name: str, en: str, zh: str) -> Attribute:
    return Attribute(name, Text(en, zh), is_from_name=False)


def _named(name: str, en: str, zh: str) -> Attribute:
    return Attribute(name, Text(en, zh))


ATTRIBUTES = (
    # Who it is about.
    _known("userName", "Account that the terminal authenticated with.", "终端认证使用的帐号。"),
    _known("hwAddr", "MAC address of the terminal's network card.", "终端网卡的 MAC 地址。"),
    _known(
        "eventSeqID",
        "Identifier of this security check; the same in every message of one exchange.",
        "本次安全检查的标识，同一次交互的各报文相同。",
    ),
    _known("serverVersion", "Version of the policy server.", "策略服务器的版本。"),
    # Where message 3 and the heartbeats go, and how often.
    _known(
        "damProxyIp",
        "IPv4 address, written as a decimal number, that the client sends message 3 to.",
        "客户端发送 3 号报文的目的 IPv4 地址，以十进制整数表示。",
    ),
    _known("damProxyPort", "UDP port that the client sends message 3 to.", "客户端发送 3 号报文的目的 UDP 端口。"),
    _known(
        "heartBeatInterval",
        "Seconds between two heartbeats after the check has passed.",
        "检查通过后两次心跳之间的秒数。",
    ),
    _known(
        "heartBeatOutTimes",
        "Unanswered heartbeats after which the client takes the server for lost.",
        "心跳连续无回应达到该次数后，客户端认为与服务器失去联系。",
    ),
    # What is checked.
    _known(
        "checkList",
        "What the client has to check: antivirus engine and definitions, Windows patches …",
        "客户端需要检查的项目：杀毒引擎、病毒库、Windows 补丁等。",
    ),
    _known(
        "patchCheckMode",
        "How Windows patches are checked. Upcast: the client sends the numbers of all its patches, so message 3 "
        "grows by about 10 "
        "bytes for each.",
        "Windows 补丁的检查方式。Upcast（传统方式）：客户端上送全部补丁编号，每个补丁使 3 号报文增加约 10 字节。",
    ),
    _known(
        "patchLevel",
        "What happens for a missing patch, for each severity: monitor, remind …",
        "缺少各严重级别的补丁时的处理方式：监控、提醒等。",
    ),
    _named("AVMode", "How the client learns the antivirus state.", "客户端获取杀毒软件状态的方式。"),
    _named("forcedAVs", "Antivirus products that must be installed.", "必须安装的杀毒软件。"),
    _named("AVConfigNames", "Antivirus products as the policy names them.", "策略中配置的杀毒软件名称。"),
    _named(
        "checkWeakPwdMoment", "When the passwords of the system are checked for weakness.", "系统弱密码检查的时机。"
    ),
    _named("checkGuestAccount", "Whether an enabled guest account is looked for.", "是否检查已启用的来宾帐户。"),
    _named("checkIfDepEnabled", "Whether Data Execution Prevention must be on.", "是否检查数据执行保护（DEP）已启用。"),
    _named(
        "ifMonitorPwdforAllUser",
        "Whether the passwords of all local users are checked.",
        "是否检查所有本地用户的密码。",
    ),
    _named(
        "ifMonitorPwdOnlydic", "Whether passwords are checked against the dictionary only.", "是否仅按字典检查密码。"
    ),
    # What the terminal may do.
    _named(
        "strategyMode",
        "How the client applies the policy; autoAdapt: it chooses by itself.",
        "策略执行方式；autoAdapt：自动适应。",
    ),
    _named("userMessage", "Text that the client shows to the user.", "客户端向用户显示的消息。"),
    _named(
        "antiIPchange",
        "Whether changing the IP address after the authentication is forbidden.",
        "是否禁止认证后修改 IP 地址。",
    ),
    _named("antiAgent", "Whether the use of a proxy agent is forbidden.", "是否禁止使用代理。"),
    _named("antiProxy", "Whether a proxy server on the terminal is forbidden.", "是否禁止在终端上设置代理服务器。"),
    _named("antiDualNetcard", "Whether several active network cards are forbidden.", "是否禁止同时使用多块网卡。"),
    _named("antiMultiOS", "Whether several operating systems are forbidden.", "是否禁止多操作系统。"),
    _named("antiMultiip", "Whether several IP addresses on the card are forbidden.", "是否禁止网卡配置多个 IP 地址。"),
    _named("antiVMWareNATservice", "Whether VMware's NAT service is forbidden.", "是否禁止 VMware NAT 服务。"),
    _named("antiVMWareUSBservice", "Whether VMware's USB service is forbidden.", "是否禁止 VMware USB 服务。"),
    _named(
        "ipSetMode",
        "How the terminal may get its address; unlimit: in any way.",
        "终端获取 IP 地址的方式；unlimit：不限制。",
    ),
    _named("macCheck", "Whether the MAC address is checked.", "是否检查 MAC 地址。"),
    _named("sameMacCheck", "Whether a MAC address used twice is looked for.", "是否检查重复的 MAC 地址。"),
    _named(
        "iSupVMCheck",
        "Whether the client is to find out if it runs in a virtual machine.",
        "是否检查客户端运行在虚拟机中。",
    ),
    _named("iSetWanControl", "Whether access to outside networks is controlled.", "是否启用外网访问控制。"),
    _named("iSetACL", "Whether the client gets an access list of its own.", "是否向客户端下发访问控制列表。"),
    _named(
        "iSetpingOfflineACL",
        "Whether an access list holds while the terminal is offline.",
        "离线时是否应用访问控制列表。",
    ),
    _named(
        "iSetPingOfflineMon", "Whether the terminal watches by ping if it is offline.", "是否通过 ping 监控离线状态。"
    ),
    _named(
        "forceChangePassword", "Whether and how a change of the password is demanded.", "是否强制修改密码及其方式。"
    ),
    # Message 3 and the verdict.
    _named(
        "dictionaryDigest", "Digest of the weak-password dictionary that the client has.", "客户端弱密码字典的摘要。"
    ),
    _named("supNetScan", "Whether the client can scan the network.", "客户端是否支持网络扫描。"),
    _known(
        "checkResult",
        "One result: the system with its patches, an antivirus version …",
        "一项检查结果：操作系统及补丁、杀毒软件版本等。",
    ),
    _named("AScheckResult", "Result of the anti-spyware check.", "防间谍软件检查结果。"),
    _named("APcheckResult", "Result of the anti-phishing check.", "防钓鱼软件检查结果。"),
    _named("FWcheckResult", "Result of the firewall check.", "防火墙检查结果。"),
    _named("HDcheckResult", "Result of the disk-encryption check.", "硬盘加密检查结果。"),
    _named("blackSoftsInstall", "Forbidden software that is installed.", "已安装的禁用软件。"),
    _named("blackSoftsRun", "Forbidden software that runs.", "正在运行的禁用软件。"),
    _named("whiteSoftsInstall", "Required software that is installed.", "已安装的必备软件。"),
    _named("whiteSoftsRun", "Required software that runs.", "正在运行的必备软件。"),
    _named("result", "The server's verdict; 0: passed.", "服务器的判定结果；0：通过。"),
)

BY_NAME = {attribute.name: attribute for attribute in ATTRIBUTES}

# Words that occur as values.
VALUE_WORDS = {
    "Critical": Text("critical", "严重"),
    "Important": Text("important", "重要"),
    "Moderate": Text("moderate", "中等"),
    "Low": Text("low", "低"),
    "monitor": Text("monitor only", "监控"),
    "remind": Text("remind the user", "提醒"),
    "isolate": Text("isolate the terminal", "隔离"),
    "kick": Text("log the user off", "下线"),
    "Upcast": Text("the client sends all patch numbers", "传统方式（上送全部补丁编号）"),
    "PluginForbidden": Text("without a plug-in", "不使用插件"),
    "autoAdapt": Text("automatic", "自动适应"),
    "unlimit": Text("no restriction", "不限制"),
    "afterCheck": Text("after the check", "检查之后"),
    "true": Text("yes", "是"),
    "false": Text("no", "否"),
    "Windows": Text("Windows patches", "Windows 补丁"),
    "Virus-Engine-Version": Text("antivirus engine version", "杀毒引擎版本"),
    "Virus-Def-Version": Text("virus definitions version", "病毒库版本"),
    "AV-Software": Text("antivirus software", "杀毒软件"),
}
