"""Sentences with names and numbers in them, in Chinese: reasons, doubts, findings, advice.

Each is matched by its English pattern. `{}` stands for what is kept as it is, such as a name, and
`{w}` for words that are translated in turn. `(s)` is there or not. A list is in Chinese what it is
in English: its parts are matched one by one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Final

_REASONS: Final[Mapping[str, str]] = {
    "grew, and was released while the run waited": "曾增长，在等待期间已释放",
    "grows; whether it is released late has not been waited for yet": (
        "在增长；是否会延迟释放，尚未等待确认"
    ),
    "a second look must agree that it is flat": "还需第二次检查确认平稳",
    "growth suspected since session {}, too early to declare": (
        "从第 {} 次会话起疑似增长，尚早，不能断定"
    ),
    "grows steadily since session {}": "从第 {} 次会话起持续增长",
    "growth over the limit cannot be excluded yet": "尚不能排除超过上限的增长",
    "too few sessions so far": "会话数还太少",
    "{} stays up after a late release; whether sessions use it again is open": (
        "{} 在延迟释放之后没有下降；会话是否会再次使用它，尚不确定"
    ),
    "{} grows by {} per session, while what is in use does not": (
        "{} 每次会话增长 {}，而实际使用的内存没有增长"
    ),
    "{} grows; whether what is in use does, is open": "{} 在增长；实际使用的内存是否增长，尚不确定",
    "grew, and what was released while the run waited is used again": (
        "曾增长；等待期间释放的内存又被使用"
    ),
    "{}: growth suspected since session {}, too early to declare": (
        "{}：从第 {} 次会话起疑似增长，尚早，不能断定"
    ),
    "{}: too few sessions so far": "{}：会话数还太少",
    "{}: growth over the limit cannot be excluded yet": "{}：尚不能排除超过上限的增长",
    "{}: a second look must agree that it is flat": "{}：还需第二次检查确认平稳",
    "filling or leaking: not bounded as far as the source tells, {}": (
        "在填充或在泄漏：从源代码看没有上限，{}"
    ),
    "filling or leaking: not bounded as far as the source tells": (
        "在填充或在泄漏：从源代码看没有上限"
    ),
    "grew, and went when the probe collected at the end": "曾增长，在结束时由探针回收",
    "grew by {}, over {w}, but by less than the limit for each session": (
        "增长了 {}，超过{w}，但每次会话低于上限"
    ),
    "grew by {}, over {w}, but not steadily enough, or too soon, to call it a leak": (
        "增长了 {}，超过{w}，但不够稳定或太早，不能断定为泄漏"
    ),
    "grew steadily by {}, over {w}": "持续增长了 {}，超过{w}",
    "grew by {}, less than {w}": "增长了 {}，少于{w}",
    "the memory budget": "内存预算",
    "half of what the server held before the first session": "服务器在第一次会话之前所占内存的一半",
    "grew by {} within one session": "在一次会话中增长了 {}",
    "grew by {} within {} sessions at once": "在 {} 次并发会话中增长了 {}",
    "rises and falls by {}, and containers with a maximum hold up to {}": (
        "升降幅度为 {}，有上限的容器最多持有 {}"
    ),
    "whether they end late has not been waited for yet": "是否会延迟结束，尚未等待确认",
    "{} tasks of {} closed sessions are still pending": "{1} 次已关闭的会话还有 {0} 个任务未完成",
    "{} tasks of {} closed sessions are still pending, over {} s after the last of these": (
        "{1} 次已关闭的会话还有 {0} 个任务未完成，最后一次关闭已超过 {2} 秒"
    ),
    "a rule before this one has answered": "前面的规则已有结论",
    "needs the probe": "需要探针",
    "could not be read": "无法读取",
    "the server's memory could not be read": "无法读取服务器的内存",
    "{} grows by {} entries per session": "{} 每次会话增加 {} 个条目",
    "{} grows by {} entries per session, and {} more": "{} 每次会话增加 {} 个条目，另有 {} 个容器",
    "{w}, until sessions failed: {w}": "{w}，直到会话失败：{w}",
    "{w}, until sessions failed": "{w}，直到会话失败",
    "rose by {} per session until sessions failed: {w}": "每次会话上升 {}，直到会话失败：{w}",
    "after {} sessions that worked, {} failed: {}": "{} 次会话正常之后，{} 次失败：{}",
    "This may be a cache that is still filling": "这可能是仍在填充的缓存",
    "{} may make it shorter, at a length that is not known": "{} 可能会缩短它，长度未知",
    "whether that is released late is not known yet": "是否会延迟释放，尚不确定",
    "too few censuses": "普查次数太少",
    "{} fills: {} of {}, kept by {}": "{} 在填充：{} / {}，由 {} 限制",
    "{} suspect(s)": "{} 个可疑容器",
    "the files grow by {} per session": "文件每次会话增长 {}",
    "no folder is watched": "没有监视文件夹",
    "replies vary too much, or too few were timed, to exclude a drift": (
        "回复时间波动太大，或计时的回复太少，不能排除漂移"
    ),
    "only {} sessions with a reply": "只有 {} 次会话有回复",
    "replies grow steadily slower: {} times over the run": "回复持续变慢：整个运行中为 {} 倍",
    "replies became slower in one step, and not since": "回复变慢了一次，此后没有再变慢",
    "no reply was timed": "没有计时的回复",
    "no CPU time was read": "没有读取 CPU 时间",
    "CPU rose with what the server let go of later": "CPU 随服务器后来释放的内容上升",
    "CPU at rest grows steadily: by {} % of a core over the run": (
        "静止时的 CPU 占用持续上升：整个运行中上升一个核心的 {} %"
    ),
    "CPU while talking grows steadily: by {} % of a core over the run": (
        "对话时 CPU 持续上升：整个运行中上升一个核心的 {} %"
    ),
    "CPU at rest rose in one step and stays there": "静止时的 CPU 占用上升了一次，此后保持不变",
    "CPU at rest varies too much, or was read too seldom, to exclude a drift": (
        "静止时的 CPU 占用波动太大，或读取次数太少，不能排除漂移"
    ),
    "CPU while talking varies too much, or was read too seldom, to exclude a drift": (
        "对话时 CPU 波动太大，或读取次数太少，不能排除漂移"
    ),
    "decided at rest": "由静止时的读数判定",
    "CPU at rest jumped from {} to {} % of a core": (
        "静止时的 CPU 占用从一个核心的 {} % 跃升到 {} %"
    ),
    "CPU at rest jumped from {} to {} % of a core and stays there": (
        "静止时的 CPU 占用从一个核心的 {} % 跃升到 {} %，此后保持不变"
    ),
    "CPU at rest jumped, and fell while the run waited": "静止时的 CPU 占用曾跃升，在等待期间回落",
    "whether it falls has not been waited for yet": "是否会回落，尚未等待确认",
    "CPU per session grows steadily, from {} to {}": "每次会话的 CPU 时间持续增长，从 {} 到 {}",
    "--settle gives the server time to come to rest": "用 --settle 给服务器静下来的时间",
    "replies became slower, from {} to {}": "回复变慢：从 {} 到 {}",
    "replies became slower for a while, and quicker again": "回复曾变慢一段时间，又变快了",
    "replies became slower, but others used {} % of the machine, and the server needs no more CPU "
    "than before": "回复变慢，但其他程序占用了机器的 {} %，且服务器的 CPU 没有增加",
    "replies vary, by less than {}: a rise over {} is excluded": (
        "回复时间的波动小于 {}：排除了超过 {} 的上升"
    ),
    "a machine with less to do settles it, and --allow latency leaves it out": (
        "在较空闲的机器上可以判定；--allow latency 则不看它"
    ),
    "grows again, after {} waits that took such growth": "在 {} 次等待消去同类增长之后，又在增长",
    "a longer --grace shows whether it goes": "更长的 --grace 可以看出它是否消失",
    "--allow containers leaves it out": "--allow containers 则不看它",
    "{} rise and fall, while what is in use does not grow": ("{} 有升有降，而使用中的内存没有增长"),
    "rise and fall with the free memory of the heap, while what is in use does not grow": (
        "随堆中的空闲内存升降，而使用中的内存没有增长"
    ),
    "--env GLIBC_TUNABLES=glibc.malloc.tcache_count=0 keeps the caches of its threads empty": (
        "--env GLIBC_TUNABLES=glibc.malloc.tcache_count=0 使其线程的缓存保持为空"
    ),
    "{} rises and falls, while what is in use does not grow": (
        "{} 有升有降，而使用中的内存没有增长"
    ),
    "likely ({w}): {w}, exactly, and no code makes it shorter": (
        "很可能（{w}）：{w}，完全一致，且没有代码会缩短它"
    ),
    "0 of {} servers that do not leak were called so": "{} 个没有泄漏的服务器中没有一个被误判",
    "no log is read": "没有读取日志",
    "the server's log: {w}": "服务器日志：{w}",
    "decided at rest; CPU while talking {w}": "由静止时的读数判定；对话时 CPU {w}",
    "varies too much, or was read too seldom, to exclude a drift": (
        "波动太大，或读取次数太少，不能排除漂移"
    ),
    "'{}' stands there {} times": "“{}”出现 {} 次",
    "'{}' stands there {} times, in {} sessions": "“{}”出现 {} 次，共 {} 次会话",
    "'{}' is missing {} times": "“{}”缺少 {} 次",
    "'{}' is missing {} times, in {} sessions": "“{}”缺少 {} 次，共 {} 次会话",
    "{} lines came before those that should precede them": "{} 行出现在本应在其之前的行之前",
    "rose by {}, nine tenths of it by session {}": "上升了 {}，其中九成在第 {} 次会话之前",
    "one step of {} by session {}": "到第 {1} 次会话时跃升了 {0}",
    "a few steps, together {}": "几次跃升，共 {}",
    "containers with a maximum size are filling ({}), until about session {}": (
        "有上限的容器正在填充（{}），大约到第 {} 次会话为止"
    ),
    "allowed": "已允许",
    "allowed: {}": "已允许：{}",
}
_DOUBTS: Final[Mapping[str, str]] = {
    "{} of {} sessions failed, the first with: {}": "{1} 次会话中有 {0} 次失败，第一次的原因：{2}",
    "the server did not come to rest after {} of {} cycles": (
        "{1} 轮中有 {0} 轮之后服务器没有静下来"
    ),
    "the server did not come to rest after {} of {} cycles: --settle gives it more time": (
        "{1} 轮中有 {0} 轮之后服务器没有静下来：用 --settle 给它更多时间"
    ),
    "{} of {} {} samples are missing": "{1} 个 {2} 样本中缺少 {0} 个",
    "a process of the server was replaced by a new one of its name, {} times": (
        "服务器的一个进程被同名的新进程替换，共 {} 次"
    ),
    "growth in a process may stay unseen: {}": "某个进程中的增长可能未被看到：{}",
    "readings inside the server failed {}": "服务器内部读取失败：{}",
    "readings of memory failed {}": "读取内存失败：{}",
    "the latest census left out {} objects that cannot be read: {}": (
        "最近一次普查略去了 {} 个无法读取的对象：{}"
    ),
    "{} failed {} of {}: {}": "{} 失败 {} / {}：{}",
    "{} failed {} times: {}": "{} 失败 {} 次：{}",
    "{} of {} cycles was unsettled": "{1} 轮中有 {0} 轮没有静下来",
    "no reason given": "没有给出原因",
    "the probe has read nothing": "探针没有读到任何内容",
    "the control failed: {}": "对照运行失败：{}",
    "{} session(s): {}": "{} 次会话：{}",
}
_MADE_IN: Final = ", created in `{}` ({})"
_MADE_IN_CHINESE: Final = "，在 `{}` 中创建（{}）"
_ADDED_IN: Final = ", added in `{}` ({})"
_ADDED_IN_CHINESE: Final = "，在 `{}` 中加入（{}）"
_STAYS: Final[Mapping[str, str]] = {
    "{} tasks per session never finish: `{}`": "每次会话有 {} 个任务永不结束：`{}`",
    "{} child processes per session never end: `{}`": "每次会话有 {} 个子进程永不结束：`{}`",
    "{} child processes per session have ended, and nobody waits for them: `{}`": (
        "每次会话有 {} 个子进程已结束，但没有人等待它们：`{}`"
    ),
    "{} threads per session never end: `{}`": "每次会话有 {} 个线程永不结束：`{}`",
    "{} descriptors per session are never closed: {}": "每次会话有 {} 个文件描述符从不关闭：{}",
    "{} objects per session wait for a collection that does not come: `{}`": (
        "每次会话有 {} 个对象等待一直不来的回收：`{}`"
    ),
    "{} entries per session stay in `{}`": "每次会话有 {} 个条目留在 `{}` 中",
    "{} entries per session stay in a container without a name: `{}`": (
        "每次会话有 {} 个条目留在一个没有名称的容器中：`{}`"
    ),
    "{} entries per session stay in a container that `{}` holds": (
        "每次会话有 {} 个条目留在 `{}` 持有的容器中"
    ),
    "`{}` gets longer by {} characters per session": "`{}` 每次会话变长 {} 个字符",
    "{} objects per session stay: `{}`": "每次会话有 {} 个对象留下：`{}`",
    "{} blocks of Python memory per session stay": "每次会话有 {} 块 Python 内存留下",
    "{} executors per session stay: `{}`": "每次会话有 {} 个执行器留下：`{}`",
    "{} exceptions per session stay: `{}`": "每次会话有 {} 个异常对象留下：`{}`",
    "{} generators per session stay: `{}`": "每次会话有 {} 个生成器留下：`{}`",
    "{} async generators per session stay: `{}`": "每次会话有 {} 个异步生成器留下：`{}`",
    "{} per session stay in {}, and no Python object accounts for them": (
        "每次会话有 {} 留在 {} 中，没有 Python 对象与之对应"
    ),
}
_FINDINGS: Final[Mapping[str, str]] = {
    **{text + _MADE_IN: chinese + _MADE_IN_CHINESE for text, chinese in _STAYS.items()},
    **{text + _ADDED_IN: chinese + _ADDED_IN_CHINESE for text, chinese in _STAYS.items()},
    **_STAYS,
    "at rest, {} samples of its stack found the server busy in `{}` ({})": (
        "静止时，对调用栈的采样有 {} 次发现服务器在 `{}` 中忙碌（{}）"
    ),
    "at rest, {} samples of its stack found the server busy in `{}`": (
        "静止时，对调用栈的采样有 {} 次发现服务器在 `{}` 中忙碌"
    ),
    "Each waits at {} and holds {}": "每个都在 {} 处等待，并持有 {}",
    "Each waits at {}": "每个都在 {} 处等待",
    "They belong to {} session(s) that was closed more than {} s ago": (
        "它们属于 {} 次 {} 秒多以前关闭的会话"
    ),
    "They belong to {} session(s) that were closed more than {} s ago": (
        "它们属于 {} 次 {} 秒多以前关闭的会话"
    ),
    "{} of these {} belong to {} session(s) that were closed more than {} s ago": (
        "这 {1} 个中有 {0} 个属于 {2} 次 {3} 秒多以前关闭的会话"
    ),
    "{} of these {} belong to {} session(s) that was closed more than {} s ago": (
        "这 {1} 个中有 {0} 个属于 {2} 次 {3} 秒多以前关闭的会话"
    ),
    "The newest is a {}": "最新的一个是 {}",
    "They hold {} per session": "它们每次会话占用 {}",
    "Kept by {}": "引用链：{}",
    "Nothing in Python leads there: an extension module keeps it, or never gave a reference back": (
        "Python 中没有引用指向它：由扩展模块持有，或引用从未归还"
    ),
    "The findings account for {} % of the growth of memory": "这些发现占内存增长的 {} %",
    "No tracked object holds them: they are interned, or an extension module keeps them": (
        "没有受追踪的对象持有它们：它们是驻留的字符串，或由扩展模块持有"
    ),
    "The session of that task was closed more than {} s ago": "该任务的会话在 {} 秒多以前已关闭",
}
_ADVICE: Final[Mapping[str, str]] = {
    "connection ends": "连接结束",
    "message is answered": "消息处理完毕",
    "Cancel the task and await it when the {w}": "在{w}时取消该任务并等待它结束",
    "End the process when the {w}, and wait for it": "在{w}时结束该进程，并等待它退出",
    "Wait for the process once it has ended, for example with `await process.wait()`": (
        "进程结束后等待它，例如用 `await process.wait()`"
    ),
    "End the thread when the {w}, or share a pool of threads": (
        "在{w}时结束该线程，或共用一个线程池"
    ),
    "Call `shutdown()` when the {w}, or share one executor": (
        "在{w}时调用 `shutdown()`，或共用一个执行器"
    ),
    "Close it when the {w}, for example with a `with` statement": (
        "在{w}时将其关闭，例如使用 `with` 语句"
    ),
    "Exhaust the generator, or call `close()` when the {w}": (
        "把生成器迭代到结束，或在{w}时调用 `close()`"
    ),
    "Exhaust the generator, or await `aclose()` when the {w}": (
        "把生成器迭代到结束，或在{w}时等待 `aclose()`"
    ),
    "Remove the reference that keeps it when the {w}": "在{w}时移除持有它的引用",
    "See what this line makes": "查看这一行创建了什么",
    "An interned string, or a value that an extension module keeps, is never freed": (
        "驻留（intern）的字符串，或由扩展模块持有的值，不会被释放"
    ),
    "Look for the extension module that allocates it": "查找分配它的扩展模块",
    "Break the reference cycle, or switch the collector on again": "断开循环引用，或重新启用回收器",
    "Stop it when the {w}": "在{w}时停止它",
    "Release what it keeps when the {w}, or limit its length in the settings of its package": (
        "在{w}时释放它持有的内容，或在其软件包的设置中限制它的长度"
    ),
    "Entries added to `{}` in `{}()` ({}) are never removed": (
        "在 `{1}()`（{2}）中加入 `{0}` 的条目从未被移除"
    ),
    "Entries added to `{}` ({}) are never removed": "加入 `{}`（{}）的条目从未被移除",
    "Entries added to this container are never removed": "加入该容器的条目从未被移除",
    "Entries added to `{}` are never removed": "加入 `{}` 的条目从未被移除",
    "`{}` gets longer in `{}()` ({}) and is never cut": "`{}` 在 `{}()`（{}）中变长，从未被截短",
    "`{}` gets longer ({}) and is never cut": "`{}` 变长（{}），从未被截短",
    "`{}` gets longer and is never cut": "`{}` 变长，从未被截短",
    "`{}` gives a warning with another text each time, and Python keeps each text": (
        "`{}` 每次发出文字不同的警告，Python 保留每一段文字"
    ),
    "Look for the warning in the server's log and remove its cause": (
        "在服务器日志中查找该警告，并消除其原因"
    ),
    "Cut it, or write it to a file": "截短它，或把它写入文件",
    "`{}` keeps a result for each new argument": "`{}` 为每个新参数保留一个结果",
    "Give it a maximum: `lru_cache(maxsize=128)`": "给它设置上限：`lru_cache(maxsize=128)`",
    "Remove them when the {w}": "在{w}时移除它们",
    "Repeat the run on a machine with less to do, and with more --cycles": (
        "在较空闲的机器上用更多的 --cycles 重新运行"
    ),
    "If replies get slower again, profile the server early and late in a run": (
        "如果回复再次变慢，在运行的早期和晚期分别分析服务器的性能"
    ),
    "Profile the server at rest, after some sessions: something runs on that belongs to sessions "
    "that are closed": "若干会话之后，在静止时分析服务器：有属于已关闭会话的代码仍在运行",
    "Look at the lines of server.log that the log gate names": (
        "查看 server.log 中日志检查项指出的行"
    ),
    "Read the end of server.log": "查看 server.log 的结尾",
    "Then try one session with `leak-harness run ... --once --trace`": (
        "然后用 `leak-harness run ... --once --trace` 尝试一次会话"
    ),
    "Remove the doubts below, and run again": "排除下面的疑点，再运行一次",
    "Name the process with --pid, or a page of metrics with --metrics-url, so that memory can be "
    "read": "用 --pid 指定进程，或用 --metrics-url 指定指标页面，以便读取内存",
    "Give the run more sessions with --max-cycles, or a larger --memory-budget": (
        "用 --max-cycles 增加会话数，或加大 --memory-budget"
    ),
    "Run again to the end: nothing was decided when the run was stopped": (
        "重新运行到结束：中断时尚无结论"
    ),
    "Run again with the probe and without --no-explain to see what piles up": (
        "启用探针，并且不加 --no-explain，再运行一次，查看是什么在堆积"
    ),
    "Run about {} more sessions: give a larger --cycles or --max-cycles": (
        "再运行大约 {} 次会话：加大 --cycles 或 --max-cycles"
    ),
    "Nothing was read inside the server: {}": "没有读到服务器内部：{}",
    "Start the server with --serve and without --no-probe": (
        "用 --serve 启动服务器，并且不加 --no-probe"
    ),
    "The run was told not to look for causes": "本次运行没有查找原因",
    "Run again without --no-explain": "去掉 --no-explain 再运行一次",
    "The run was too short to compare two censuses": "运行太短，不能比较两次普查",
    "Run again with more sessions": "用更多的会话再运行一次",
    "No Python object, task, thread or descriptor grows with the sessions, so native code is the "
    "likely owner": "没有 Python 对象、任务、线程或文件描述符随会话增长，很可能由原生代码持有",
    "Install memray in the server's Python ({}) and run again": (
        "在服务器的 Python 中安装 memray（{}），再运行一次"
    ),
    "The {w}": "{w}",
    "Please report this with run.jsonl, it is a defect of leak-harness": (
        "请附上 run.jsonl 报告此问题，这是 leak-harness 的缺陷"
    ),
}
_PAGE: Final[Mapping[str, str]] = {
    "{} against the embedded server{}: {} cycle(s), {} session(s), {}": (
        "{}，内置服务器{}：{} 轮，{} 次会话，{}"
    ),
    "{} against the embedded server: {} cycle(s), {} session(s), {}": (
        "{}，内置服务器：{} 轮，{} 次会话，{}"
    ),
    "{} against {}: {} cycle(s), {} session(s), {} of them failed, {}": (
        "{}，{}：{} 轮，{} 次会话，其中 {} 次失败，{}"
    ),
    "{} against {}: {} cycle(s), {} session(s), {}": "{}，{}：{} 轮，{} 次会话，{}",
    "without the probe: {}": "没有探针：{}",
    "other programs used {} of the CPU": "其他程序占用了 CPU 的 {}",
    "cut short after cycle {}, or still going": "在第 {} 轮之后中断，或仍在运行",
    "{} (after {} sessions)": "{}（{} 次会话之后）",
    "peak {}": "峰值 {}",
    "median {}": "中位数 {}",
    "at rest {}": "静止时 {}",
    "talking {}": "对话时 {}",
    "per session {}": "每次会话 {}",
    "p95 {}, p99 {}, max {}": "p95 {}，p99 {}，最大 {}",
    "USS {}": "USS {}",
    "RSS {}": "RSS {}",
    "malloc in use {}": "malloc 使用中 {}",
    "files {}": "文件 {}",
    "size {}": "大小 {}",
    "limit of memory per session": "每次会话的内存上限",
    "limit of objects per session": "每次会话的对象上限",
    "limit of other counts per session": "每次会话的其他计数上限",
    "longest wait for late releases": "等待延迟释放的最长时间",
    "looks for the cause": "查找原因",
    "collects before each sample": "每次采样前回收",
    "also fails on": "另外判为失败的",
    "fixed cycles": "固定轮数",
    "min cycles": "最少轮数",
    "max cycles": "最多轮数",
    "max sessions": "最多会话数",
    "memory budget": "内存预算",
    "guard sessions": "判定前的会话数",
    "reasons": "原因",
    "log expected": "日志中应有的",
    "log forbidden": "日志中不应有的",
    "log noted": "日志中计数的",
    "only": "只看",
    "yes": "是",
    "no": "否",
}
SENTENCES: Final[Mapping[str, str]] = {**_FINDINGS, **_ADVICE, **_DOUBTS, **_REASONS, **_PAGE}
_HOLE: Final = re.compile(r"\{(w?)\}")
_WORD: Final = re.compile(r"[A-Za-z]{3,}")
_UNIT: Final = re.compile(r"\d(?:[KMGT]iB|ms)\b")
_SEVERAL: Final = re.compile(r"(?<!\.)[.;] ")
_FULL_STOP: Final = re.compile(r"(?<!\.)\. ")
_SEMICOLON: Final = re.compile(r"; ")
_TIMED: Final = re.compile(r"[\d.]+(?:ms|s|m|h): .*", re.DOTALL)
"""An incident: a time, and what a server or the system said."""


def in_chinese(text: str) -> tuple[str, set[str]]:
    """The text in Chinese, and what of it has no translation and stays as it is."""
    if _TIMED.fullmatch(text):
        return text, set()
    if not _WORD.search(_UNIT.sub("", text)):
        return text.replace(" to ", " 至 "), set()
    whole = _matched(text)
    if whole is not None:
        return whole
    in_parts = _in_parts(text)
    if in_parts is not None and not in_parts[1]:
        return in_parts
    return _matched(text, several=True) or in_parts or (text, {text})


def _in_parts(text: str) -> tuple[str, set[str]] | None:
    """Several sentences, each for itself; None of one."""
    for separator, joint in ((_FULL_STOP, "。"), (_SEMICOLON, "；")):
        parts = separator.split(text)
        if len(parts) > 1:
            translated = [in_chinese(part) for part in parts]
            missing = set[str]().union(*(rest for _, rest in translated))
            return joint.join(words.removesuffix("。") for words, _ in translated), missing
    return None


def _matched(text: str, *, several: bool = False) -> tuple[str, set[str]] | None:
    """A whole sentence; None where no pattern is its.

    Args:
        text: the sentence.
        several: what a pattern leaves open may be several sentences, such as an error.
    """
    plain = text.removesuffix(".")
    for pattern, kinds, chinese in _patterns():
        found = pattern.fullmatch(plain)
        if found is None or (not several and any(map(_SEVERAL.search, found.groups()))):
            continue
        values, missing = [], set[str]()
        for kind, value in zip(kinds, found.groups(), strict=True):
            words, rest = in_chinese(value) if kind else (value, set[str]())
            values.append(words)
            missing |= rest
        ending = "。" if text.endswith(".") else ""
        return chinese.replace("{w}", "{}").format(*values) + ending, missing
    return None


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], tuple[str, ...], str], ...]:
    """Of each sentence: what matches it, which holes are translated, and the Chinese. Those with
    the most words of their own come first.
    """
    longest = sorted(SENTENCES.items(), key=lambda item: -len(_HOLE.sub("", item[0])))
    return tuple((_pattern(text), tuple(_HOLE.findall(text)), words) for text, words in longest)


def _pattern(text: str) -> re.Pattern[str]:
    pieces = _HOLE.split(text)[::2]
    escaped = (re.escape(piece).replace(re.escape("(s)"), "s?") for piece in pieces)
    return re.compile("(.+?)".join(escaped), re.DOTALL)
