//! The views as somebody sees and uses them.

use std::path::Path;

use serde_json::{Value, json};

use crate::Test;
use crate::browser::Browser;
use crate::router::{ADMIN, READER, Router};
use crate::support::{Daemon, House, rtype};

pub(crate) const TESTS: &[Test] = &[
    ("the_status_view_shows_how_the_daemon_fares", NEEDED, status),
    ("queries_are_watched_by_those_who_may", NEEDED, queries),
    ("records_are_added_edited_and_removed", NEEDED, records),
    ("what_is_wrong_is_told_whole", NEEDED, mistakes),
    ("devices_are_invited_and_revoked", NEEDED, devices),
    ("texts_of_strangers_are_shown_as_texts", NEEDED, strangers),
    ("without_a_daemon_the_views_say_so", NEEDED, alone),
    ("settings_become_the_router_s_configuration", NEEDED, settings),
    ("views_fit_a_phone_and_speak_chinese", NEEDED, phone),
    ("views_are_readable_by_day_and_by_night", NEEDED, night),
];

const NEEDED: &[&str] = &["chromium", "mkfifo"];

const ZONE: &str = "\
matrix 300 A 192.168.1.10
two 300 A 192.168.1.11
two 300 A 192.168.1.12
@ TXT \"v=spf1 -all\" \"second\"
guest A 192.168.1.99 ; hearthdns: expires=2099-01-01
";

const CONFIG: &str = "\
listen: ['127.0.0.1:0', 'http://127.0.0.1:0', 'https://127.0.0.1:0']
name: dns.hearth.example
addresses: [127.0.0.1]
views: {lan: {clients: [192.168.7.0/24]}}
";

struct Scene {
    browser: Browser,
    daemon: Option<Daemon>,
    router: Router,
    house: House,
}

impl Scene {
    fn new() -> Self {
        let house = House::new()
            .zone("hearth.example", ZONE)
            .config(CONFIG)
            .listen_of_config(1);
        let daemon = house.start();
        Scene {
            browser: Browser::start(&house),
            router: Router::start(&house),
            daemon: Some(daemon),
            house,
        }
    }

    fn daemon(&self) -> &Daemon {
        self.daemon.as_ref().unwrap()
    }

    /// Opens a view and waits until it is there.
    #[track_caller]
    fn open(&mut self, view: &str) {
        self.open_as(view, "en", ADMIN);
    }

    #[track_caller]
    fn open_as(&mut self, view: &str, language: &str, session: &str) {
        self.browser.open(&format!("http://{}/", self.router.addr));
        self.eval(&format!("L.open('hearthdns/{view}', '{language}', '{session}')"));
    }

    /// What an expression is worth; nothing must have gone wrong on the page until then.
    #[track_caller]
    fn eval(&mut self, expression: &str) -> Value {
        let value = self.browser.eval(expression);
        assert_eq!(self.browser.eval("L.faults"), json!([]), "{expression}");
        value
    }

    /// Everything that can be read on the page.
    #[track_caller]
    fn text(&mut self) -> String {
        self.eval("document.body.innerText").as_str().unwrap().to_owned()
    }

    #[track_caller]
    fn shows(&mut self, words: &[&str]) {
        let text = self.text();
        for words in words {
            assert!(text.contains(words), "{words} in\n{text}");
        }
    }

    /// Waits until the page shows these words.
    #[track_caller]
    fn until(&mut self, words: &str) {
        self.eval(&format!(
            "L.until(() => document.body.innerText.includes({}))",
            json!(words)
        ));
    }

    /// Waits until it does not.
    #[track_caller]
    fn until_gone(&mut self, words: &str) {
        self.eval(&format!(
            "L.until(() => !document.body.innerText.includes({}))",
            json!(words)
        ));
    }

    #[track_caller]
    fn press(&mut self, button: &str) {
        self.eval(&format!("L.button({}).click()", json!(button)));
    }

    /// Types into a field of a dialogue, or chooses in it.
    #[track_caller]
    fn fill(&mut self, field: &str, value: &str) {
        self.eval(&format!(
            "{{ const field = document.getElementById('hearthdns-{field}'); field.value = {}; \
             field.dispatchEvent(new Event('input')); field.dispatchEvent(new Event('change')); }}",
            json!(value)
        ));
    }

    /// Presses a button in the row of a table that holds these words.
    #[track_caller]
    fn press_in_row(&mut self, words: &str, button: &str) {
        self.eval(&format!(
            "Array.from(document.querySelectorAll('#view tr')).find(row => row.innerText.includes({})) \
             .querySelectorAll('button').forEach(one => {{ if (one.textContent == {}) one.click(); }})",
            json!(words),
            json!(button)
        ));
    }

    fn picture(&mut self, name: &str) {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("luci-{name}.png"));
        self.browser.picture(&path);
    }

    /// Addresses of a name of the zone, sorted.
    fn addresses(&self, name: &str) -> Vec<String> {
        let reply = self.daemon().ask(&format!("{name}.hearth.example."), rtype::A);
        let address = |octets: &[u8]| {
            octets
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(".")
        };
        let mut all: Vec<String> = reply
            .answers
            .iter()
            .map(|record| address(&record.rdata))
            .collect();
        all.sort();
        all
    }
}

fn status() {
    let mut scene = Scene::new();
    scene.daemon().ask("matrix.hearth.example.", rtype::A);
    scene.daemon().ask("www.example.net.", rtype::A);
    scene.browser.resize(1100, 900);
    scene.open("status");
    scene.shows(&[
        "HearthDNS: status",
        "hearth.example",
        "private",
        "served",
        "udp://127.0.0.1:9",
        "all names",
        "Queries since the start: 2",
        "answered from your zones",
        "no upstream gave a usable answer",
        "dns.hearth.example, *.dns.hearth.example",
        "devices must be given our authority",
    ]);
    scene.picture("status");
    // It follows the daemon.
    scene.daemon().ask("matrix.hearth.example.", rtype::A);
    scene.eval("L.poll.step()");
    scene.shows(&["Queries since the start: 3"]);
    scene.press("Empty the cache");
    scene.until("answers are forgotten.");
    scene.house.write("zones/new.example.zone", "a A 192.168.1.1\n");
    scene.press("Read zones again");
    scene.until("2 zones, 1 changed.");
    scene.press("Connect anew");
    scene.until("1 upstreams are connected to anew.");
}

fn queries() {
    let mut scene = Scene::new();
    scene.open("status");
    scene.daemon().ask("before.hearth.example.", rtype::A);
    assert_eq!(scene.eval("L.poll.length()"), 1);
    scene.press("Watch queries");
    scene.until("Nothing was asked since you watch.");
    scene.daemon().ask("matrix.hearth.example.", rtype::A);
    scene
        .daemon()
        .client()
        .ask_tcp("nobody.hearth.example.", rtype::TXT);
    scene.eval("L.poll.step()");
    let rows = scene.eval(
        "Array.from(Array.from(document.querySelectorAll('#view .cbi-section')).pop().querySelectorAll('tr.tr:not(.table-titles)')) \
         .map(row => Array.from(row.cells).slice(1).map(cell => cell.innerText).join(' '))",
    );
    assert_eq!(
        rows,
        json!([
            "127.0.0.1 nobody.hearth.example TXT local NXDOMAIN tcp",
            "127.0.0.1 matrix.hearth.example A local NOERROR udp",
        ])
    );
    scene.press("Stop");
    assert_eq!(scene.eval("L.poll.length()"), 1);
    // Whoever may see the rest need not be one who may see this.
    scene.open_as("status", "en", READER);
    scene.press("Watch queries");
    scene.until("Permission denied");
    scene.shows(&["hearth.example", "Watch queries"]);
}

fn records() {
    let mut scene = Scene::new();
    scene.browser.resize(1100, 900);
    scene.open("records");
    scene.shows(&["matrix.hearth.example", "192.168.1.10", "until 2099-01-01"]);
    scene.picture("records");
    scene.press("Add record");
    scene.fill("name", "turn");
    scene.fill("data", "192.168.1.20");
    scene.fill("comment", "coturn; moved");
    scene.picture("record");
    scene.press("Save");
    scene.until("turn.hearth.example");
    assert_eq!(scene.addresses("turn"), ["192.168.1.20"]);
    let file = scene.house.read("zones/hearth.example.zone");
    assert!(file.contains("; coturn; moved"), "{file}");
    // One alone is changed in its place; its comment stays.
    scene.press_in_row("turn.hearth.example", "Edit");
    scene.fill("data", "192.168.1.21");
    scene.fill("ttl", "60");
    scene.press("Save");
    scene.until("192.168.1.21");
    let file = scene.house.read("zones/hearth.example.zone");
    assert!(file.contains("192.168.1.21 ; coturn; moved"), "{file}");
    // One of several leaves the others alone.
    scene.press_in_row("192.168.1.12", "Edit");
    scene.fill("data", "192.168.1.13");
    scene.press("Save");
    scene.until_gone("192.168.1.12");
    assert_eq!(scene.addresses("two"), ["192.168.1.11", "192.168.1.13"]);
    // Texts keep their strings.
    scene.press_in_row("v=spf1", "Edit");
    scene.fill("data", "\"v=spf1 mx -all\" \"a \\\"quote\\\"\"");
    scene.press("Save");
    scene.until("v=spf1 mx -all");
    let file = scene.house.read("zones/hearth.example.zone");
    assert!(file.contains("\"v=spf1 mx -all\" \"a \\\"quote\\\"\""), "{file}");
    scene.press_in_row("v=spf1", "Remove");
    scene.shows(&["hearth.example. TXT \"v=spf1 mx -all\""]);
    scene.press("Remove");
    scene.until_gone("v=spf1");
    // A zone more, and back.
    scene.press("Add zone");
    scene.fill("new-zone", "other.example");
    scene.press("Add");
    scene.until("other.example");
    scene.fill("zone", "[\"hearth.example.\",null]");
    scene.press("Undo last change");
    scene.until("hearth.example goes back to the version before the last change:");
    scene.shows(&["\n+@ TXT \"v=spf1 mx -all\""]);
    scene.press("Undo");
    scene.until("v=spf1 mx -all");
    // A change of several files goes back in all of them, and that is said before.
    let matrix = "matrix add chat.example --address 203.0.113.10 --view lan --address 192.168.1.5";
    let words: Vec<&str> = matrix.split(' ').collect();
    scene.house.dnsctl(&words).ok();
    scene.open("records");
    scene.fill("zone", "[\"chat.example.\",\"lan\"]");
    scene.press("Undo last change");
    scene.until("The last change was made in 2 files. All of them go back to the version before it:");
    scene.shows(&[
        "\nchat.example\n",
        "\nchat.example (lan)\n",
        "\n-matrix",
        "192.168.1.5",
        "203.0.113.10",
    ]);
    scene.press("Undo");
    scene.until_gone("203.0.113.10");
    scene.until_gone("192.168.1.5");
    scene.fill("filter", "turn");
    assert_eq!(scene.eval("document.querySelectorAll('#view tr.tr').length"), 2);
}

fn mistakes() {
    let mut scene = Scene::new();
    scene.open("records");
    scene.press("Add record");
    scene.fill("name", "bad");
    scene.fill("data", "192.168.1");
    scene.press("Save");
    scene.until(
        "the A data `192.168.1` is not valid: expected the IPv4 address (four numbers up to 255 with dots between, \
         as `192.0.2.1`), found `192.168.1`",
    );
    // The dialogue stays, to mend it.
    scene.fill("data", "192.168.1.1");
    scene.fill("ttl", "soon");
    scene.press("Save");
    scene.until("The TTL is a number of seconds");
    scene.fill("ttl", "");
    scene.fill("expires", "yesterday");
    scene.press("Save");
    scene.until("yesterday");
    scene.press("Cancel");
    scene.house.write(
        "zones/hearth.example.zone",
        &format!("{ZONE}broken A 1.2.3\nworse AAAA <b>\n"),
    );
    scene.press_in_row("matrix.hearth.example", "Remove");
    scene.press("Remove");
    let file = scene.house.path("zones/hearth.example.zone");
    let place = |line: u32| format!("{}:{line}:", file.display());
    scene.until("is broken as it is on disk");
    scene.shows(&[
        &place(6),
        &place(7),
        "dnsctl undo hearth.example",
        "as `192.0.2.1`), found `1.2.3`",
    ]);
    scene.picture("mistake");
    scene.house.dnsctl(&["reload"]);
    scene.open("records");
    scene.shows(&[
        "hearth.example is served as it last was, because its file has a defect.",
        &place(6),
    ]);
    scene.open("status");
    scene.shows(&["last good version", &place(7)]);
    // A right that is not held.
    scene.open_as("records", "en", READER);
    scene.press("Add zone");
    scene.fill("new-zone", "other.example");
    scene.press("Add");
    scene.until("Permission denied");
}

fn devices() {
    let mut scene = Scene::new();
    scene.browser.resize(1100, 900);
    scene.open("devices");
    scene.shows(&["There is no device yet."]);
    scene.press("Invite a device");
    scene.fill("device", "Anna's phone");
    scene.press("Invite");
    scene.until("`Anna\\'s phone` is no name for a device");
    scene.fill("device", "anna-phone");
    scene.press("Invite");
    scene.until("Invite for anna-phone");
    let url = scene.eval(
        "Array.from(document.querySelectorAll('.modal code')).find(one => one.textContent.startsWith('http://')).textContent",
    );
    let expected = format!("http://{}/i/", scene.daemon().encrypted("http"));
    assert!(url.as_str().unwrap().starts_with(&expected), "{url}");
    scene.eval("document.querySelector('.hearthdns-qr').decode()");
    let side = scene.eval("document.querySelector('.hearthdns-qr').naturalWidth");
    assert!(side.as_u64().unwrap() > 200, "{side}");
    scene.shows(&["Good once, until", "https://dns.hearth.example:"]);
    scene.picture("invite");
    scene.press("Close");
    scene.shows(&["anna-phone", "invited", "one open invite", "your zones"]);
    // Nothing of the secret is left on the page.
    let page = scene.eval("document.documentElement.outerHTML");
    assert!(!page.as_str().unwrap().contains(url.as_str().unwrap()));
    scene.picture("devices");
    scene.press("Revoke");
    scene.shows(&["The token of anna-phone is refused from the next query on"]);
    scene.press("Revoke");
    scene.until_gone("The token of anna-phone");
    let badge = scene.eval("L.until(() => document.querySelector('#view .hearthdns-badge[style*=b3261e]')).then(badge => badge.textContent)");
    assert_eq!(badge, "revoked");
    let listed = scene.house.dnsctl(&["devices"]).ok().stdout;
    assert!(listed.contains("revoked since"), "{listed}");
}

fn strangers() {
    let mut scene = Scene::new();
    let hostile = "<img/src=x/onerror=window.hit=1>";
    scene.house.write(
        "zones/hearth.example.zone",
        &format!(
            "{ZONE}{hostile} A 192.168.1.66\nevil TXT \"<script>window.hit=1</script>\" \"{hostile}\"\n"
        ),
    );
    scene.house.dnsctl(&["reload"]);
    scene.open("status");
    scene.press("Watch queries");
    scene.until("Nothing was asked since you watch.");
    scene
        .daemon()
        .ask(&format!("{hostile}.hearth.example."), rtype::A);
    scene
        .daemon()
        .ask("<script>window.hit=1</script>.example.net.", rtype::A);
    scene.eval("L.poll.step()");
    scene.shows(&[
        &format!("{hostile}.hearth.example"),
        "<script>window.hit=1</script>.example.net",
    ]);
    scene.open("records");
    scene.shows(&[
        &format!("{hostile}.hearth.example"),
        "<script>window.hit=1</script>",
    ]);
    scene.press_in_row("192.168.1.66", "Remove");
    scene.shows(&[&format!("{hostile}.hearth.example. A 192.168.1.66")]);
    scene.press("Cancel");
    scene.press_in_row("192.168.1.66", "Edit");
    scene.press("Cancel");
    scene.press_in_row("evil.hearth.example", "Edit");
    scene.fill("data", hostile);
    scene.fill("expires", hostile);
    scene.press("Save");
    scene.until("onerror");
    assert_eq!(scene.eval("typeof window.hit"), "undefined");
    assert_eq!(
        scene.eval("document.querySelectorAll('img, #view script, .modal script').length"),
        0
    );
}

fn alone() {
    let mut scene = Scene::new();
    scene.daemon = None;
    for view in ["status", "devices"] {
        scene.open(view);
        scene.shows(&["no daemon listens on the control socket", "start hearthdns"]);
    }
    scene.picture("alone");
}

/// A value for each option, as somebody may give it.
const VALUES: &[(&str, &str)] = &[
    ("accept", "10.20.0.0/16"),
    ("address", "192.168.1.1"),
    ("bogus", "198.51.100.66"),
    ("bootstrap", "9.9.9.9"),
    ("ca_file", "/etc/hearthdns/authorities.pem"),
    ("cache_file_hours", "12"),
    ("cache_size", "8MiB"),
    ("cert", "/etc/hearthdns/chain.pem"),
    ("client", "192.168.20.0/24"),
    ("control", "/var/run/hearthdns/control.sock"),
    ("ddr", "off"),
    ("deny", "10.20.99.0/24"),
    ("dnsmasq_port", "5335"),
    ("domain", "corp.example"),
    ("edns_payload", "1232"),
    ("extra", "/etc/hearthdns/extra.yaml"),
    ("history", "10"),
    ("jail_mount", "/mnt/certificates"),
    ("jail_mount_rw", "/mnt/zones"),
    ("key", "/etc/hearthdns/key.pem"),
    ("lan_dhcp", "/mnt/dhcp"),
    ("lan_domain", "lan"),
    ("lan_ethers", "/mnt/ethers"),
    ("lan_hosts", "/mnt/hosts"),
    ("lan_leases", "/mnt/leases"),
    ("listen", "https://0.0.0.0"),
    ("log_level", "warn"),
    ("max_ttl", "3600"),
    ("min_ttl", "60"),
    ("mode", "guest"),
    ("name", "dns.home.example"),
    ("negative_max_ttl", "600"),
    ("ntp", "1"),
    ("pin_sha256", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="),
    ("port", "5300"),
    ("rebind_domain", "plex.direct"),
    ("resolv_conf", "/mnt/resolv.conf"),
    ("server", "10.20.0.1"),
    ("server_name", "dns.example.org"),
    ("stale_seconds", "3600"),
    ("state_dir", "/mnt/state"),
    ("strategy", "ordered"),
    ("timeout", "86400"),
    ("timeout_ms", "4000"),
    ("upstream", "tls://192.0.2.53"),
    ("v4", "inet fw4 vpn4"),
    ("v6", "inet fw4 vpn6"),
    ("view", "guests"),
    ("workers", "2"),
    ("zones_dir", "/mnt/zones"),
];

/// Fills the options of the section that is open, but for those named; switches are turned to what is no default. A `url`
/// is another one in each kind of section.
fn fill_all(scene: &mut Scene, within: &str, except: &[&str], url: &str) {
    scene.eval(&format!(
        "for (const widget of document.querySelectorAll('{within} [data-option]')) {{
             const name = widget.dataset.option;
             if ({except}.includes(name)) continue;
             if (widget.type == 'checkbox') widget.checked = !widget.checked;
             else {{
                 const value = {values}[name];
                 if (value === undefined) throw new Error('no value for ' + name);
                 (widget.tagName == 'DIV' ? widget.querySelector('input') : widget).value = value;
             }}
             widget.dispatchEvent(new Event('change'));
         }}",
        except = json!(except),
        values = Value::Object(
            VALUES
                .iter()
                .chain([&("url", url)])
                .map(|(name, value)| ((*name).to_owned(), json!(value)))
                .collect()
        ),
    ));
}

fn settings() {
    let mut scene = Scene::new();
    scene.open("settings");
    // Nothing is written that nobody set.
    scene.press("Save & Apply");
    scene.until("Configuration has been applied.");
    assert_eq!(scene.router.config(), "config hearthdns 'main'\n\n");
    scene.eval("Array.from(document.querySelectorAll('.cbi-tabmenu a')).pop().click()");
    scene.eval("document.querySelector('[data-option=workers]').value = '65'");
    scene.press("Save & Apply");
    scene.until("Expecting: range(1,64)");
    assert_eq!(scene.router.config(), "config hearthdns 'main'\n\n");
    fill_all(&mut scene, "[data-type=hearthdns]", &[], "");
    for (kind, except, url) in [
        ("listen", &[][..], "tls://192.0.2.1"),
        ("upstream", &[], "tls://dns.example.org"),
        ("route", &["nowhere", "view"], ""),
        ("route", &["server", "accept", "deny", "strategy"], ""),
        ("view", &[], ""),
        ("nftset", &[], ""),
    ] {
        scene.eval(&format!(
            "{{ const section = document.querySelector('[data-type={kind}]');
                const name = section.querySelector('.cbi-section-create-name');
                if (name) name.value = 'guests';
                Array.from(section.querySelectorAll('button')).pop().click(); }}"
        ));
        fill_all(&mut scene, ".modal", except, url);
        scene.press("Save");
        assert_eq!(
            scene.eval("document.getElementById('modal_overlay').hidden"),
            true,
            "{kind}"
        );
    }
    scene.browser.resize(1100, 900);
    scene.picture("settings-full");
    scene.eval("document.querySelectorAll('.alert-message').forEach(note => note.remove())");
    scene.press("Save & Apply");
    scene.until("Configuration has been applied.");
    assert_eq!(scene.router.config(), include_str!("settings.uci"));
}

fn phone() {
    let mut scene = Scene::new();
    scene.house.dnsctl(&["invite", "anna-phone"]).ok();
    scene.daemon().ask("matrix.hearth.example.", rtype::A);
    for (width, height, size) in [(1100, 900, "desktop"), (375, 700, "phone")] {
        scene.browser.resize(width, height);
        for view in ["status", "records", "devices", "settings"] {
            scene.open_as(view, "zh_Hans", ADMIN);
            let untranslated = scene.eval("Array.from(L.untranslated)");
            assert_eq!(untranslated, json!([]), "{view}");
            let beyond = scene.eval("document.documentElement.scrollWidth - innerWidth");
            assert!(
                beyond.as_i64().unwrap() <= 0,
                "{view} is {beyond} pixels too wide for a {size}"
            );
            scene.picture(&format!("{view}-{size}-zh"));
            scene.open(view);
            // A table scrolls where it is too wide, and what is beyond is hard to find.
            assert_eq!(scene.eval(CUT), json!([]), "{view} on a {size}");
            let lines = scene.eval(
                "Math.max(0, ...Array.from(document.querySelectorAll('.hearthdns-acts'), acts => \
                 new Set(Array.from(acts.children, one => one.offsetTop)).size))",
            );
            assert!(
                size == "phone" || lines.as_u64().unwrap() <= 1,
                "{view}: buttons in {lines} lines"
            );
            scene.picture(&format!("{view}-{size}"));
        }
    }
    scene.open("records");
    scene.press_in_row("matrix.hearth.example", "Edit");
    scene.picture("record-phone");
}

/// Buttons that are cut off at the side, by the page or by what scrolls around them.
const CUT: &str = r#"Array.from(document.querySelectorAll('#view button')).filter(button => {
    let around = button.parentElement;
    while (around && getComputedStyle(around).overflowX === 'visible')
        around = around.parentElement;
    const edge = around ? around.getBoundingClientRect().right : innerWidth;
    return button.getBoundingClientRect().right > Math.min(edge, innerWidth) + .5;
}).map(button => button.textContent)"#;

/// Texts that can be seen and hardly be told from what is behind them, with their contrast (WCAG 2.2, 1.4.3).
const FAINT: &str = r#"(() => {
    const numbers = colour => colour.match(/[\d.]+/g).map(Number);
    const luminance = colour => {
        const [red, green, blue] = numbers(colour).map(part => part / 255)
            .map(part => part <= .04045 ? part / 12.92 : ((part + .055) / 1.055) ** 2.4);
        return .2126 * red + .7152 * green + .0722 * blue;
    };
    const behind = element => {
        for (; element; element = element.parentElement) {
            const colour = getComputedStyle(element).backgroundColor;
            if ((numbers(colour)[3] ?? 1) === 1)
                return colour;
        }
        return 'rgb(255, 255, 255)';
    };
    const faint = [], texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const element = texts.currentNode.parentElement, text = texts.currentNode.data.trim();
        if (text === '' || !element.checkVisibility() || element.closest('script, [disabled]'))
            continue;
        const [dark, light] = [luminance(getComputedStyle(element).color), luminance(behind(element))].sort((a, b) => a - b);
        const contrast = (light + .05) / (dark + .05);
        if (contrast < 4.5)
            faint.push(`${text}: ${contrast.toFixed(1)}`);
    }
    return faint;
})()"#;

/// The corner of a QR code, which a camera takes for the ground: red, green, blue, opacity.
const GROUND: &str = "(async () => { const code = document.querySelector('.hearthdns-qr'); await code.decode(); \
    const canvas = Object.assign(document.createElement('canvas'), { width: 50, height: 50 }); \
    const pen = canvas.getContext('2d'); pen.drawImage(code, 0, 0, 50, 50); \
    return Array.from(pen.getImageData(1, 1, 1, 1).data); })()";

fn night() {
    let mut scene = Scene::new();
    scene.house.dnsctl(&["invite", "anna-phone"]).ok();
    let matrix = "matrix add chat.example --address 203.0.113.10 --view lan --address 192.168.1.5";
    let words: Vec<&str> = matrix.split(' ').collect();
    scene.house.dnsctl(&words).ok();
    scene.daemon().ask("matrix.hearth.example.", rtype::A);
    for (width, height, size) in [(1100, 900, "desktop"), (375, 700, "phone")] {
        scene.browser.resize(width, height);
        for time in ["day", "night"] {
            let look = |scene: &mut Scene, what: &str| {
                // As LuCI's theme has it.
                scene.eval(&format!(
                    "document.documentElement.dataset.darkmode = {}",
                    time == "night"
                ));
                let faint = scene.eval(FAINT);
                assert_eq!(faint, json!([]), "{what} on a {size} by {time}");
                scene.picture(&format!("{what}-{size}-{time}"));
            };
            for view in ["status", "records", "devices", "settings"] {
                scene.open(view);
                look(&mut scene, view);
            }
            scene.open("records");
            scene.press("Add record");
            look(&mut scene, "add");
            scene.press("Save");
            scene.until("The record needs a name");
            look(&mut scene, "refused");
            scene.open("records");
            scene.fill("zone", "[\"chat.example.\",\"lan\"]");
            scene.press("Undo last change");
            scene.until("All of them go back");
            look(&mut scene, "undo");
            scene.open("devices");
            scene.press("Invite a device");
            scene.fill("device", &format!("{size}-{time}"));
            scene.press("Invite");
            scene.until("Good once, until");
            look(&mut scene, "invite");
            assert_eq!(
                scene.eval(GROUND),
                json!([255, 255, 255, 255]),
                "{size} by {time}"
            );
        }
    }
}
