"""Names for the codes of the analysis, as a page shows them. English here, Chinese in the catalogue."""

from __future__ import annotations

from app.core.coverage import COVER_NAMES
from app.core.coverage import KINDS as KINDS_OF_EVIDENCE
from app.web.i18n import N_

FINDINGS = {
    "later-fragments-lost": N_("Later fragments lost"),
    "first-fragment-lost": N_("First fragments lost"),
    "fragmented-datagrams-lost": N_("Fragmented datagrams lost"),
    "random-loss": N_("Random loss"),
    "path-down": N_("Path down"),
    "reply-lost": N_("Reply lost"),
    "server-silent": N_("Server silent"),
    "never-sent": N_("Never sent"),
    "check-failed": N_("Policy check failed"),
    "no-fault": N_("No fault"),
    "size-band": N_("Size band"),
    "capture-gap": N_("Gap in a capture"),
    "capture-filtered": N_("Capture filtered"),
    "complete-only-merged": N_("Complete only when merged"),
    "capture-dropped": N_("Capture dropped packets"),
    "clocks-apart": N_("Clocks apart"),
    "address-translated": N_("Address translated"),
    "refragmented": N_("Fragmented again"),
    "mirror-duplicates": N_("Mirror duplicates"),
    "reassembly-timeout": N_("Reassembly timed out"),
    "too-big": N_("Packet too big"),
    "answer-not-taken": N_("Answer not taken"),
    "answered-elsewhere": N_("Answered from another address"),
    "band-outlier": N_("Fails for another reason"),
    "capture-too-short": N_("Capture too short"),
    "clock-contradiction": N_("Clocks that cannot be"),
    "common-factor": N_("What the failing ones share"),
    "contradiction": N_("Log and capture disagree"),
    "device-counters": N_("Counters of a device"),
    "encryption-off": N_("Compression and encryption off"),
    "fragments-hidden": N_("Fragments hidden by a filter"),
    "large-datagrams-lost": N_("Large datagrams lost"),
    "logged-not-answered": N_("Logged, not answered"),
    "no-answer": N_("No answer"),
    "unfinished": N_("Exchange unfinished"),
    "not-delivered": N_("Arrived, not delivered"),
    "port-blocked": N_("Port blocked"),
    "reassembly-failed": N_("Reassembly failed"),
    "translated-unanswerable": N_("Answer cannot come back"),
    "who-breaks-next": N_("Who breaks next"),
    "wrong-place": N_("Captured in the wrong place"),
}
OUTCOMES = {
    "passed": N_("passed"),
    "failed": N_("failed"),
    "incomplete": N_("incomplete"),
    "unknown": N_("unknown"),
}
# A shape beside every colour: who cannot tell the colours reads the shape, who hears the page hears the word.
OUTCOME_SIGNS = {"passed": "✓", "failed": "✕", "incomplete": "◐", "unknown": "?"}
SEVERITIES = {"error": N_("error"), "warning": N_("warning"), "info": N_("information")}
SEVERITY_SIGNS = {"error": "✕", "warning": "▲", "info": "i"}
CONFIDENCES = {"certain": N_("certain"), "likely": N_("likely"), "possible": N_("possible")}
KINDS = {
    "inode_log": N_("iNode log"),
    "server_log": N_("server log"),
    "capture": N_("capture"),
    "device": N_("device output"),
    "other": N_("not used"),
}
ADMIN_PAGES = {
    "accounts": N_("Accounts"),
    "audit": N_("Audit trail"),
    "keeping": N_("Keeping and deleting"),
    "operations": N_("Operations"),
}
ACCOUNT_ROLES = {"ops": N_("operations"), "support": N_("support"), "admin": N_("administrator")}
SCOPES = {
    "read": N_("read cases"),
    "upload": N_("make cases and upload"),
    "export": N_("fetch reports and packets"),
    "edit": N_("write notes and states"),
    "admin": N_("administer and delete"),
}
# Who acts without an account, and how somebody came in; what else stands in the trail is a name or an address.
AUDIT_WORDS = {
    "command line": N_("command line"),
    "one-time link": N_("one-time link"),
    "password": N_("password"),
}
AUDIT_ACTIONS = {
    "saw": N_("looked at"),
    "uploaded": N_("uploaded into"),
    "exported": N_("exported"),
    "edited": N_("wrote on"),
    "shared": N_("shared"),
    "deleted": N_("deleted"),
    "administered": N_("administered"),
    "signed in": N_("signed in"),
    "signed out": N_("signed out"),
    "signed out everywhere": N_("signed out everywhere"),
    "gave a wrong password": N_("gave a wrong password"),
    "was kept out after wrong passwords": N_("was kept out after wrong passwords"),
    "changed the password": N_("changed the password"),
    "made a token": N_("made a token"),
    "revoked a token": N_("revoked a token"),
    "made an account": N_("made an account"),
    "changed an account": N_("changed an account"),
    "gave a password": N_("gave a password"),
    "gave a link": N_("gave a link"),
    "changed what is kept": N_("changed what is kept"),
}
ROLES = {"client": N_("client"), "middle": N_("on the way"), "server": N_("server")}
ORDERED_BY = {
    "named": N_("order by name"),
    "ttl": N_("order by hop count (TTL)"),
    "clock": N_("order by time"),
    "given": N_("order given by you"),
}
SEEN = {"seen": N_("seen"), "missing": N_("missing"), "unknown": N_("unknown")}
SEEN_SIGNS = {"seen": "✓", "missing": "✕", "unknown": "?"}
FATES = {
    "whole": N_("whole"),
    "partial": N_("partial"),
    "absent": N_("absent"),
    "unknown": N_("unknown"),
}
DIRECTIONS = {"to_server": N_("to the server"), "to_client": N_("to the client")}
DIRECTION_SIGNS = {"to_server": "→", "to_client": "←"}
CODINGS = {"plain": N_("plain"), "zlib": N_("compressed"), "encrypted": N_("encrypted")}
MESSAGES = {
    "1": N_("login start"),
    "2": N_("policy"),
    "3": N_("check result"),
    "4": N_("passed"),
    "6": N_("failed"),
    "7": N_("monitor report"),
    "8": N_("monitor answer"),
    "17": N_("heartbeat"),
    "18": N_("heartbeat answer"),
    "19": N_("offline"),
    "20": N_("offline answer"),
}
STEPS = {
    "upload": N_("Receiving the files"),
    "queued": N_("Waiting for the worker"),
    "unpack": N_("Unpacking the bundle"),
    "logs": N_("Reading the logs"),
    "captures": N_("Reading the captures"),
    "matching": N_("Matching datagrams between capture points"),
    "diagnosis": N_("Looking for the cause"),
    "save": N_("Saving"),
    "done": N_("Done"),
    "failed": N_("The analysis failed"),
}
DOCUMENT_STEPS = {
    "queued": N_("Waiting for the worker"),
    "extract": N_("Taking frames and lines out"),
    "analyse": N_("Analysing the extracts"),
    "report": N_("Setting the pages"),
}
LANES = {"analysis": N_("analyses"), "handover": N_("documents"), "webhooks": N_("notices to other systems")}
STEP_ORDER = ("unpack", "logs", "captures", "matching", "diagnosis", "save")
CASE_STATES = {"open": N_("open"), "solved": N_("solved")}
JUDGEMENTS = {"open": N_("not judged"), "confirmed": N_("confirmed"), "dismissed": N_("dismissed")}
JUDGEMENT_SIGNS = {"open": "○", "confirmed": "✓", "dismissed": "–"}
CHECK_RESULTS = {"hit": N_("found"), "miss": N_("not found"), "not-run": N_("could not run")}
# The four places where evidence can come from, and what cannot be said without each.
EVIDENCE_KINDS = {
    "inode_log": N_("Client log (iNode)"),
    "client_capture": N_("Capture on the terminal"),
    "middle_capture": N_("Captures on the way"),
    "server_capture": N_("Capture on the server"),
    "server_log": N_("Policy server log"),
}
EVIDENCE_BLOCKS = {
    "inode_log": N_("plaintext sizes, the reason given to the user and retransmissions as the client saw them"),
    "client_capture": N_(
        "whether a message left the terminal, whole and in how many fragments, and whether it was encrypted"
    ),
    "middle_capture": N_("between which two devices a fragment was lost"),
    "server_capture": N_("whether a message reached the server, and whether the server answered"),
    "server_log": N_("whether the policy server itself saw the message"),
}
COUNTS = {
    "datagrams": N_("datagrams"),
    "datagrams_lost": N_("datagrams lost"),
    "fragments_sent": N_("fragments sent"),
    "fragments_lost": N_("fragments lost"),
    "terminals": N_("terminals"),
    "attempts": N_("attempts"),
    "sessions": N_("sessions"),
    "retransmissions": N_("retransmissions"),
    "arrived": N_("arrived"),
    "logged": N_("logged"),
    "matched": N_("matched"),
    "seen": N_("seen"),
    "icmp": N_("ICMP errors"),
    "others": N_("others"),
    "soon": N_("soon"),
    "when_checked": N_("at the next check"),
    "healing": N_("healing"),
    "growth": N_("counter grew by"),
    "terminals_failing": N_("failing terminals"),
    "terminals_passing": N_("passing terminals"),
    "whole_lost": N_("whole datagrams lost"),
    "whole_sent": N_("whole datagrams sent"),
    "failing_in": N_("failing in the band"),
    "failing_out": N_("failing outside it"),
    "passing_in": N_("passing in the band"),
    "passing_out": N_("passing outside it"),
}
MARKS = {
    "result": N_("result"),
    "notice": N_("notice to the user"),
    "send_error": N_("sending failed"),
    "other": N_("log line"),
}
# Titles of error pages; any other status has the last one.
STATUSES = {
    "403": N_("Not allowed"),
    "404": N_("Not found"),
    "409": N_("Not now"),
    "413": N_("Too large"),
    "422": N_("Not usable"),
    "503": N_("Not available"),
    "other": N_("Something went wrong"),
}
COVERAGE = {kind: name for kind, (name, _) in KINDS_OF_EVIDENCE.items()}
COVERS = COVER_NAMES
COVER_SIGNS = {"covers": "✓", "partly": "◐", "not": "✗", "unknown": "?", "absent": "–"}
