"""Why a capture could have seen a fragment, or why nobody can say: every ground by name, in both languages."""

from __future__ import annotations

from dataclasses import dataclass

from app.core.network.capture_filters import TOO_LITTLE
from app.core.records import Text


@dataclass(frozen=True, slots=True)
class Verdict:
    """`is_able`: the capture could have seen it."""

    is_able: bool
    code: str
    reason: Text


def _no(code: str, en: str, zh: str) -> Verdict:
    return Verdict(False, code, Text(en, zh))


def _yes(en: str, zh: str, code: str = "able") -> Verdict:
    return Verdict(True, code, Text(en, zh))


# The code of a miss that rests on a presumption: a loss may be told from it, never one that is certain.
PRESUMED = "presumed"


OTHER_TERMINAL = _no(
    "other-terminal",
    "a capture on another terminal cannot see this one's traffic",
    "另一终端上的抓包看不到本终端的流量",
)
EMPTY = _no("not-capturing", "the capture holds no frames", "该抓包中没有任何帧")
NOT_CAPTURING = _no("not-capturing", "it was not capturing then", "当时没有在抓包")
AT_THE_EDGE = _no(
    "not-capturing", "too near to the beginning or the end of the capture to tell", "过于接近抓包的开头或结尾，无法判断"
)
CLOCK_UNKNOWN = _no(
    "clock-unknown",
    "its clock has no link to the others, so nobody knows whether it was capturing then",
    "其时钟与其他抓包没有联系，无法判断当时是否在抓包",
)
CAPTURING = _yes("it was capturing then, by the clocks", "按时钟当时正在抓包")
BRACKETED = _yes("it was capturing: it holds datagrams from before and after", "当时正在抓包：其中有此前和此后的报文")
ENDS_WITH_IT = _yes(
    "the capture ends with its first fragment, and every one before it lacked the same fragments here",
    "抓包以它的首片结束，而此前每个报文在此处都缺少同样的分片",
)
CLOCK_PRESUMED = _yes(
    "nothing links its clock to the others; if it goes about as they do, it was capturing then",
    "其时钟与其他抓包没有联系；若走时大致相同，则当时正在抓包",
    code=PRESUMED,
)
TIME_DOUBTED = _yes(
    "by the clock of the only point that saw it, it was capturing then; but it may be one of several alike that others "
    "saw at another time",
    "按唯一看到它的抓包点的时钟，当时正在抓包；但它也可能是其他抓包点在另一时刻看到的几个相同报文之一",
    code=PRESUMED,
)
SILENT_AS_BEFORE = _yes(
    "its last frame is a little earlier, after a silence no longer than others in it; whatever was sent like this "
    "while it surely ran did not come here either",
    "其最后一帧略早于此时，但静默时间不长于该抓包中的其他静默；它确在运行时，同样的报文也从未到达此处",
    code=PRESUMED,
)
FILTERED = Text("its filter hides such packets", "其过滤条件隐藏了此类报文")
TOO_FEW_FRAMES = Verdict(False, "too-little", TOO_LITTLE)
LETS_IN = _yes("its filter lets it in", "过滤条件允许")
HOLES = _no(
    "dropped",
    "this capture also misses datagrams that later points have: it loses frames, or sees only part of the traffic",
    "该抓包还缺少后面抓包点见到的报文：它自身丢帧，或只看到部分流量",
)
DAMAGED = _no(
    "dropped",
    "the file is damaged there, so the frames of that moment are not all known",
    "文件在该时刻处损坏，当时的帧不全",
)
LOST_NOTHING = _yes("no loss of its own is known", "未发现自身丢帧")
PASSED_ELSEWHERE = _no(
    "off-path",
    "later points have such fragments of this terminal which this point never shows: they take another way",
    "后面的抓包点见到了本终端的此类分片，而此处从未见到：它们走了别的路径",
)
ONE_OF_SEVERAL = _no(
    "off-path",
    "this point sees only one of several ways: other fragments or flows of a terminal pass it unseen",
    "此处只是多条路径之一：终端的其他分片或流经过时此处看不到",
)
NEVER_SEEN = _no(
    "unproven",
    "nothing was ever seen here of this terminal, nor of others on the same way: whether it is on the path is open",
    "此处从未见到本终端及同路径其他终端的流量：无法确定是否在其路径上",
)
SIBLING_SEEN = _yes("it has other fragments of the same datagram", "它有同一报文的其他分片")
SAME_TERMINAL = _yes("it has other datagrams of this terminal on the same way", "它有本终端同方向的其他报文")
OTHER_WAY_SEEN = _yes("it has this terminal's datagrams of the other direction", "它有本终端另一方向的报文")
WAY_UNPROVEN = _yes(
    "it has this terminal's datagrams of the other direction, though nothing of anybody in this direction",
    "它有本终端另一方向的报文，但没有任何人在本方向的报文",
    code=PRESUMED,
)
AT_SERVER = _yes("it is at the server and has other terminals' datagrams", "它位于服务器处，且有其他终端的报文")
SAME_SUBNET = _yes(
    "it has datagrams of other terminals of the same subnet and none of this one; of several equal paths, this one's "
    "may take another",
    "它有同网段其他终端的报文，而没有本终端的；若有多条等价路径，本终端的流可能走另一条",
    code=PRESUMED,
)
PATH_PRESUMED = _yes(
    "it shows nothing of any exchange, and that it lies on the path rests on its being among these captures",
    "此处没有任何认证交互的报文，仅因其属于这组抓包而认为它在路径上",
    code=PRESUMED,
)
