//! A headless Chromium that a test steers: it opens a page, runs expressions in it, and takes pictures of it.
//!
//! Spoken to over two pipes (the browser's own protocol for developers, a JSON object and a zero byte for each message), so
//! there is no port and no other program. It has a fresh profile, knows no name but the loopback address, and is ended with
//! all its children through its process group.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};

use crate::support::{CHROMIUM, House, program, run};

/// A browser on a small machine takes some seconds; one that hangs must end.
const PATIENCE: Duration = Duration::from_secs(90);

/// The browser with one page.
pub(crate) struct Browser {
    child: Child,
    to: File,
    from: Receiver<Value>,
    last: u64,
    page: Option<String>,
}

impl Browser {
    /// Starts it with its files in the house.
    pub(crate) fn start(house: &House) -> Self {
        let [to, from] = ["to", "from"].map(|name| house.path(name));
        run(Command::new("mkfifo").args([&to, &from])).ok();
        // Both ends each, so that opening waits for nobody.
        let open = |path: &Path| OpenOptions::new().read(true).write(true).open(path).unwrap();
        let (writer, reader) = (open(&to), open(&from));
        let mut command = Command::new("sh");
        command
            .args(["-c", "exec \"$0\" \"$@\" 3<to 4>from"])
            .arg(program("chromium").unwrap())
            .args(CHROMIUM)
            .args(["--remote-debugging-pipe", "--hide-scrollbars"])
            .arg("--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1")
            .arg(format!("--user-data-dir={}", house.path("profile").display()))
            .arg("about:blank")
            .env("HOME", house.root())
            .current_dir(house.root())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = command.process_group(0).spawn().expect("start a browser");
        let (sender, from) = channel();
        std::thread::spawn(move || {
            for message in BufReader::new(reader).split(0).map_while(Result::ok) {
                let value = serde_json::from_slice(&message).expect("a message of the browser");
                if sender.send(value).is_err() {
                    return;
                }
            }
        });
        let mut browser = Browser {
            child,
            to: writer,
            from,
            last: 0,
            page: None,
        };
        let target = browser.call("Target.createTarget", json!({"url": "about:blank"}));
        let words = json!({"targetId": target["targetId"], "flatten": true});
        let attached = browser.call("Target.attachToTarget", words);
        browser.page = attached["sessionId"].as_str().map(str::to_owned);
        browser.call("Page.enable", json!({}));
        browser
    }

    /// Opens a page and waits until it is loaded.
    pub(crate) fn open(&mut self, url: &str) {
        self.call("Page.navigate", json!({"url": url}));
        while self.next()["method"] != "Page.loadEventFired" {}
    }

    /// Gives the page this size; a small one is a phone's.
    pub(crate) fn resize(&mut self, width: u32, height: u32) {
        let words = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600});
        self.call("Emulation.setDeviceMetricsOverride", words);
    }

    /// What an expression is worth, after its promise where it is one. One that throws fails the test.
    #[track_caller]
    pub(crate) fn eval(&mut self, expression: &str) -> Value {
        let words = json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let told = self.call("Runtime.evaluate", words);
        assert!(
            told["exceptionDetails"].is_null(),
            "{expression}: {}",
            told["exceptionDetails"]["exception"]["description"]
        );
        told["result"]["value"].clone()
    }

    /// A picture of the whole page, in PNG.
    pub(crate) fn picture(&mut self, path: &Path) {
        let words = json!({"format": "png", "captureBeyondViewport": true});
        let told = self.call("Page.captureScreenshot", words);
        let data = told["data"].as_str().expect("a picture");
        let bytes = data_encoding::BASE64.decode(data.as_bytes()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    fn call(&mut self, method: &str, words: Value) -> Value {
        self.last += 1;
        let id = self.last;
        let mut message = json!({"id": id, "method": method, "params": words});
        if let Some(page) = &self.page {
            message["sessionId"] = json!(page);
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        self.to.write_all(&bytes).unwrap();
        loop {
            let mut told = self.next();
            if told["id"] == id {
                assert!(told["error"].is_null(), "{method}: {told}");
                return told["result"].take();
            }
        }
    }

    fn next(&mut self) -> Value {
        let next = self.from.recv_timeout(PATIENCE);
        next.unwrap_or_else(|error| panic!("the browser says nothing: {error}, {:?}", self.child.try_wait()))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The group is named after its first process, which is waited for last: the name is not given away before.
        let group = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process_group(group, Signal::KILL).ok();
        self.child.wait().ok();
    }
}
