//! What the page says, in English and in Simplified Chinese. `{name}` is filled in; see `template`. Items of a
//! list are parted by `|`. Names of menus are those of the systems in that language.

use Language::{Chinese, English};

/// A language of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Simplified Chinese.
    Chinese,
}

impl Language {
    /// Its tag (BCP 47) in `lang` and in our URLs.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            English => "en",
            Chinese => "zh-Hans",
        }
    }

    /// The language with such a tag; what follows the first subtag does not matter.
    #[must_use]
    pub fn of_tag(tag: &str) -> Option<Self> {
        let first = tag.split(['-', '_']).next().unwrap_or("").trim();
        [English, Chinese].into_iter().find(|language| {
            let own = language.tag().split('-').next();
            own.is_some_and(|own| own.eq_ignore_ascii_case(first))
        })
    }

    /// What `Accept-Language` (RFC 9110, 12.5.4) prefers of ours; English if it names none.
    #[must_use]
    pub fn accepted(field: &str) -> Self {
        let mut best = (0, English);
        // Nobody wants more than a few; a field of many KiB is nobody's wish.
        for item in field.split(',').take(32) {
            let (tag, quality) = item.split_once(';').unwrap_or((item, "q=1"));
            let quality = quality.trim().strip_prefix("q=").map_or(0, thousandths);
            if let Some(language) = Self::of_tag(tag)
                && quality > best.0
            {
                best = (quality, language);
            }
        }
        best.1
    }

    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            English => Chinese,
            Chinese => English,
        }
    }

    /// How the word of this name is said in this language.
    pub(super) fn word(self, name: &str) -> Option<&'static str> {
        let (_, english, chinese) = WORDS.iter().find(|(known, ..)| *known == name)?;
        Some(match self {
            English => english,
            Chinese => chinese,
        })
    }
}

/// A quality value, `0.8`, in thousandths (RFC 9110, 12.4.2).
fn thousandths(text: &str) -> u32 {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = part.bytes().chain(*b"000").take(3);
    let part = digits.fold(0, |sum, digit| {
        sum * 10 + u32::from(digit.wrapping_sub(b'0').min(9))
    });
    if whole == "0" { part } else { 1000 }
}

/// Name, English, Chinese.
pub(super) const WORDS: &[(&str, &str, &str)] = &[
    ("title", "{device}: {zones}", "{device}：{zones}"),
    (
        "head",
        "Let {device} <span>find {zones}</span>",
        "让 {device} <span>找到 {zones}</span>",
    ),
    (
        "lead-zones",
        "Only names at and below {zones} are asked of <b>{server}</b>. Nothing else changes, and you can undo it at any time.",
        "只有 {zones} 及其下的名称会向 <b>{server}</b> 查询，其他一切照旧，随时可以撤销。",
    ),
    (
        "lead-android",
        "Android has one DNS server for everything: all names would be asked of <b>{server}</b>. You can undo it at any time.",
        "安卓只用一个 DNS 服务器：所有名称都会向 <b>{server}</b> 查询，随时可以撤销。",
    ),
    (
        "lead-all",
        "All names are asked of <b>{server}</b>. You can undo it at any time.",
        "所有名称都会向 <b>{server}</b> 查询，随时可以撤销。",
    ),
    ("other-language", "简体中文", "English"),
    ("copy", "Copy", "复制"),
    // The live check.
    ("wait-head", "Checking…", "正在检查…"),
    (
        "wait",
        "This page asks for a name that only {server} knows.",
        "本页正在查询只有 {server} 知道的名称。",
    ),
    (
        "good-head",
        "Already working: nothing to do",
        "已经可用，无需任何操作",
    ),
    (
        "good-encrypted",
        "This device asks {server}, encrypted ({by}).",
        "此设备通过加密连接查询 {server}（{by}）。",
    ),
    (
        "good-plain",
        "This device asks {server}, without encryption, as is usual at home.",
        "此设备直接查询 {server}，未加密，在家中通常如此。",
    ),
    (
        "good-router",
        "Through your router: {addr} asks for this device ({by}).",
        "通过路由器：{addr} 代此设备查询（{by}）。",
    ),
    (
        "good-unsure",
        "The question came from {addr} ({by}): your router, or another address of this device.",
        "查询来自 {addr}（{by}）：您的路由器，或此设备的另一个地址。",
    ),
    ("unencrypted", "not encrypted", "未加密"),
    ("bad-head", "Not yet", "尚未生效"),
    (
        "bad",
        "This browser asks another DNS server. What to do stands below; this box turns green when it works.",
        "此浏览器正在查询其他 DNS 服务器。请按下面的说明操作，生效后此框会变成绿色。",
    ),
    (
        "hint-head",
        "Done already, and still not?",
        "已经完成却仍未生效？",
    ),
    (
        "hint-firefox",
        "Firefox has a DNS server of its own: Settings › Privacy &amp; Security › DNS over HTTPS › choose “Off”, or “Manage Exceptions” and add <code>{zones}</code>.",
        "Firefox 使用自己的 DNS：设置 › 隐私与安全 › 基于 HTTPS 的 DNS › 选择“关闭”，或在“管理例外”中加入 <code>{zones}</code>。",
    ),
    (
        "hint-chrome",
        "Chrome, Edge and Brave can have a DNS server of their own: Settings › Privacy and security › Security › “Use secure DNS” › turn it off, or choose “OS default”.",
        "Chrome、Edge 和 Brave 可能使用自己的 DNS：设置 › 隐私和安全 › 安全 › “使用安全 DNS” › 关闭，或选择“操作系统默认”。",
    ),
    (
        "hint-safari",
        "iCloud Private Relay or a VPN asks other servers: Settings › Wi-Fi › ⓘ › “Limit IP Address Tracking” off for this network, or turn off the VPN.",
        "iCloud 专用代理或 VPN 会查询其他服务器：设置 › 无线局域网 › ⓘ › 为此网络关闭“限制 IP 地址跟踪”，或关闭 VPN。",
    ),
    (
        "hint-other",
        "A VPN, or a DNS setting of this browser, asks another server. Turn it off and check again.",
        "VPN 或浏览器的 DNS 设置会查询其他服务器。请将其关闭后重新检查。",
    ),
    (
        "hint-android",
        "Android can have a private DNS of another provider: in Settings search for “Private DNS” and choose “Automatic”.",
        "安卓可能设置了其他提供商的私人 DNS：在设置中搜索“私人 DNS”，选择“自动”。",
    ),
    ("again", "Check again", "重新检查"),
    (
        "no-check",
        "This server has no name of its own, so this page cannot check whether it works. The names: {zones}.",
        "此服务器没有自己的名称，本页无法检查是否生效。名称：{zones}。",
    ),
    // Headings of every platform.
    (
        "spare",
        "Not needed on this network: it works already.",
        "在此网络中无需设置：已经可用。",
    ),
    ("asks", "What it will ask", "接下来会看到"),
    ("undo", "How to undo it", "如何撤销"),
    ("others", "Other devices", "其他设备"),
    ("ios", "iPhone and iPad", "iPhone 和 iPad"),
    ("mac", "Mac", "Mac"),
    ("android", "Android", "安卓"),
    ("windows", "Windows", "Windows"),
    ("linux", "Linux", "Linux"),
    ("other", "Anything else", "其他系统"),
    // Apple.
    ("ios-go", "Add to this iPhone or iPad", "添加到此 iPhone 或 iPad"),
    ("mac-go", "Add to this Mac or iPad", "添加到此 Mac 或 iPad"),
    (
        "ios-asks",
        "Tap <b>Allow</b>. A profile is downloaded; nothing is installed yet.|Open <b>Settings</b> › <b>Profile Downloaded</b>.|Tap <b>Install</b>, type your passcode, then <b>Install</b> twice more and <b>Done</b>.",
        "点按<b>允许</b>。只是下载描述文件，尚未安装。|打开<b>设置</b> › <b>已下载描述文件</b>。|点按<b>安装</b>，输入密码，再点按两次<b>安装</b>，然后点按<b>完成</b>。",
    ),
    (
        "ios-ca",
        "Settings › General › About › <b>Certificate Trust Settings</b>: switch on this server's certificate. It can vouch for names of {zones} only.",
        "设置 › 通用 › 关于本机 › <b>证书信任设置</b>：打开此服务器的证书。它只能为 {zones} 的名称作证。",
    ),
    (
        "ios-undo",
        "Settings › General › VPN &amp; Device Management › {device} › Remove Profile.",
        "设置 › 通用 › VPN 与设备管理 › {device} › 移除描述文件。",
    ),
    (
        "ios-safari",
        "<b>Open this page in Safari.</b> Other browsers and apps can load the profile, but not hand it to Settings.",
        "<b>请在 Safari 中打开本页。</b>其他浏览器和应用可以下载描述文件，但无法交给系统设置。",
    ),
    (
        "ios-none",
        "An iPhone takes a DNS server of your own only over an encrypted connection with a certificate that somebody vouches for. This server has none yet.",
        "iPhone 只能通过加密连接使用自选的 DNS 服务器，且其证书须有机构担保。此服务器尚无这样的证书。",
    ),
    (
        "mac-asks",
        "Open the downloaded profile.|System Settings › General › <b>Device Management</b> (before macOS 15: Privacy &amp; Security › Profiles): double-click it, then <b>Install</b>.|Type your password. On an iPad the steps are those of the iPhone.",
        "打开下载的描述文件。|系统设置 › 通用 › <b>设备管理</b>（macOS 15 之前：隐私与安全性 › 描述文件）：双击它，然后点按<b>安装</b>。|输入密码。在 iPad 上步骤与 iPhone 相同。",
    ),
    (
        "mac-undo",
        "The same place in System Settings: select {device}, then –.",
        "在系统设置的同一位置选中 {device}，然后点按 –。",
    ),
    (
        "mac-shell",
        "Open <b>Terminal</b>, paste, press Return.|Type your password; nothing is shown while you do.",
        "打开<b>终端</b>，粘贴，按回车。|输入密码，输入时不会显示任何内容。",
    ),
    // Computers.
    (
        "windows-asks",
        "Press <b>Win+X</b>, choose <b>Terminal (Admin)</b>, then <b>Yes</b>.|Paste with a right click; if asked, say that all the lines are meant. Press Enter.",
        "按 <b>Win+X</b>，选择<b>终端(管理员)</b>，再选<b>是</b>。|右键粘贴；如提示文本有多行，请确认粘贴。按回车。",
    ),
    (
        "linux-asks",
        "Open a terminal, paste, press Enter.|Type your password. The script says what it does and changes one file or connection.",
        "打开终端，粘贴，按回车。|输入密码。脚本会说明它做了什么，只改动一个文件或连接。",
    ),
    ("shell-go", "Show the command", "显示命令"),
    (
        "download",
        "Read it first, or keep it: {file}",
        "先查看或保存：{file}",
    ),
    ("undo-paste", "Paste this in the same way:", "以同样方式粘贴："),
    (
        "undo-later",
        "A second command, which is shown beside the first, takes everything back.",
        "与第一条命令一起显示的第二条命令会撤销全部改动。",
    ),
    // Android.
    ("android-go", "Show the host name", "显示主机名"),
    (
        "android-asks",
        "Copy the host name.|In Settings search for <b>Private DNS</b>, choose <b>Private DNS provider hostname</b> and paste it.|<b>Save</b>. From then on all names are asked there, also away from home.",
        "复制主机名。|在设置中搜索<b>私人 DNS</b>，选择<b>私人 DNS 提供商主机名</b>并粘贴。|<b>保存</b>。此后所有名称都会在那里查询，出门在外也一样。",
    ),
    (
        "android-undo",
        "The same place: <b>Automatic</b>.",
        "在同一位置选择<b>自动</b>。",
    ),
    ("android-host", "Host name", "主机名"),
    (
        "nothing",
        "This server does not listen in a way that this system could use for names of the house only.",
        "此服务器的监听方式无法让此系统仅用它查询家中的名称。",
    ),
    (
        "android-no-certificate",
        "Android takes a DNS server of your own only if its certificate is from an authority that every phone knows. This server has no such certificate, and no setting of yours can change that.",
        "安卓只接受由所有手机都认识的机构签发证书的自选 DNS 服务器。此服务器没有这样的证书，您无法通过任何设置改变这一点。",
    ),
    (
        "android-not-abroad",
        "Android would ask this server for every name, everywhere, and have no internet where it cannot be reached. This server is in the house only, so that is not offered.",
        "安卓会随时随地向此服务器查询所有名称，一旦无法连接就无法上网。此服务器只在家中可用，因此不提供该方式。",
    ),
    ("instead", "What works instead", "可行的办法"),
    (
        "router",
        "<b>The router.</b> Ask whoever runs it to send {zones} to <b>{server}</b>: <code>dnsctl router</code> prints the lines. Then every device at home has the names, with nothing to do on any of them.",
        "<b>路由器。</b>请管理员把 {zones} 转发到 <b>{server}</b>：<code>dnsctl router</code> 会给出配置。之后家中所有设备无需任何操作即可使用。",
    ),
    (
        "adguard",
        "<b>The app AdGuard</b>, if it is installed:",
        "<b>AdGuard 应用</b>（如已安装）：",
    ),
    ("adguard-go", "Add to AdGuard", "添加到 AdGuard"),
    // Values.
    ("address", "DNS server", "DNS 服务器"),
    ("dot", "DNS over TLS", "DNS over TLS"),
    ("doh", "DNS over HTTPS", "DNS over HTTPS"),
    ("doq", "DNS over QUIC", "DNS over QUIC"),
    (
        "chrome",
        "Chrome, Edge: “Use secure DNS” › custom",
        "Chrome、Edge：“使用安全 DNS” › 自定义",
    ),
    ("stamp", "DNS stamp", "DNS 戳"),
    ("more-files", "Files", "文件"),
    ("for-firefox", "for Firefox", "用于 Firefox"),
    ("for-chrome", "for Chrome and Chromium", "用于 Chrome 和 Chromium"),
    ("for-hosts", "lines for a hosts file", "hosts 文件的内容"),
    ("for-dhcp", "values for a DHCP server", "DHCP 服务器的选项值"),
    (
        "for-authority",
        "whom to trust for the encrypted addresses",
        "加密地址所用证书的颁发机构",
    ),
    ("more-go", "Show the values", "显示"),
    // Matrix.
    ("matrix-head", "Then: Matrix", "然后：Matrix"),
    (
        "matrix",
        "Opens Element with the server filled in.",
        "打开 Element 并填好服务器。",
    ),
    ("matrix-go", "Open Element for {zone}", "打开 Element：{zone}"),
    // The end of the page.
    (
        "sees",
        "What {server} sees: which names are asked, from which address. What you do with them, it does not see.",
        "{server} 能看到：查询了哪些名称，来自哪个地址。之后您做什么，它看不到。",
    ),
    (
        "ends",
        "This invitation ends {until}.",
        "此邀请有效期至 {until}。",
    ),
    (
        "secret",
        "What stands here is made for {device} alone. Pass on an invitation, not this page.",
        "本页内容仅供 {device} 使用。请转发邀请，不要转发本页。",
    ),
    ("phone", "For a phone: scan this.", "手机请扫描此码。"),
    // Pages without an invite.
    ("bad-code-title", "No such invitation", "邀请无效"),
    (
        "bad-code",
        "This invitation has ended, was used already, or was mistyped. Ask whoever gave it to you for a new one; it takes a moment:",
        "此邀请已过期、已被使用或输入有误。请向给您邀请的人索取新的邀请，只需片刻：",
    ),
    ("wait-title", "Too many wrong codes", "错误次数过多"),
    (
        "wait-long",
        "Wait {minutes} minutes, then try again. An invitation that you have stays good meanwhile.",
        "请等待 {minutes} 分钟后再试。您已有的邀请在此期间仍然有效。",
    ),
    ("away-title", "Only at home", "仅限家中使用"),
    (
        "away",
        "This page is for devices in the house: join its Wi-Fi and load it again.",
        "本页仅供家中设备使用：请连接家中的 Wi-Fi 后重新加载。",
    ),
    ("gone-title", "No longer valid", "已失效"),
    (
        "gone",
        "The access of this device was ended. Ask for a new invitation.",
        "此设备的访问已被终止，请索取新的邀请。",
    ),
    ("broken-title", "Not now", "暂时无法使用"),
    (
        "broken",
        "The server cannot read who is invited. Whoever runs it finds the reason in its log.",
        "服务器无法读取邀请信息，管理员可在日志中找到原因。",
    ),
    ("enter-title", "Your invitation", "您的邀请"),
    (
        "enter",
        "Type the code of your invitation, such as 7KQ4-M2XR.",
        "请输入邀请码，例如 7KQ4-M2XR。",
    ),
    ("enter-go", "Go on", "继续"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc9110_s12_5_4_the_preferred_language_of_ours() {
        for (field, expected) in [
            ("", English),
            ("zh-CN,zh;q=0.9,en;q=0.8", Chinese),
            ("en-US,en;q=0.9,zh;q=0.8", English),
            ("de,zh-TW;q=0.4,en;q=0.5", English),
            ("de,zh;q=0.51,en;q=0.5", Chinese),
            ("ZH_hans", Chinese),
            ("zh;q=0,en;q=0.001", English),
            ("zh;q=0", English),
            ("de,fr;q=0.3,*;q=0.1", English),
            ("zh;q=x,en;q=0.2", Chinese),
            (",,;;q==,zh;", English),
        ] {
            assert_eq!(Language::accepted(field), expected, "{field}");
        }
        // A field of nothing but commas costs no more than a short one.
        assert_eq!(Language::accepted(&",".repeat(16_000)), English);
    }

    #[test]
    fn both_languages_have_the_same_names_and_marks_in_each_word() {
        let marks = |text: &str| {
            let mut marks: Vec<String> = text
                .split('{')
                .skip(1)
                .filter_map(|part| part.split_once('}'))
                .map(|(name, _)| name.to_owned())
                .collect();
            marks.sort();
            marks.dedup();
            let tags = |tag: &str| text.matches(tag).count();
            (
                marks,
                text.matches('|').count(),
                tags("<b>") == tags("</b>"),
                tags("<code>") == tags("</code>"),
            )
        };
        for (name, english, chinese) in WORDS {
            assert_eq!(marks(english), marks(chinese), "{name}");
            assert_eq!(
                WORDS.iter().filter(|(other, ..)| other == name).count(),
                1,
                "{name}"
            );
        }
    }
}
