//! Drives a headless Chromium by the DevTools protocol, to test and to time
//! the pages that `report --html` writes.
//!
//! The protocol goes through a pipe (`--remote-debugging-pipe`): messages in
//! JSON, each ended by a zero byte, on file descriptors 3 and 4. A shell puts
//! the pipes there.

use std::io::{BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

/// How long an answer may take on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(120);

const SHELL: &str = r#"exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null 2>&1"#;

/// The names under which distributions install it.
const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// One browser with one page; ends when dropped.
pub struct Chromium {
    child: Child,
    input: ChildStdin,
    messages: Receiver<Value>,
    last_id: u64,
    session: Option<String>,
    /// What the page said or did wrong.
    complaints: Vec<String>,
    _profile: TempDir,
}

/// The installed browser; `None` where there is none.
pub fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .flat_map(|folder| NAMES.map(|name| folder.join(name)))
        .find(|file| file.is_file())
}

impl Chromium {
    /// Starts a browser with an empty page of a size in pixels.
    ///
    /// # Errors
    /// Where it does not start or does not answer.
    pub fn start(program: &Path, width: u32, height: u32) -> anyhow::Result<Chromium> {
        let profile = TempDir::new()?;
        let mut child = Command::new("sh")
            .args(["-c", SHELL])
            .arg(program)
            .args(["--headless", "--remote-debugging-pipe", "--no-sandbox"])
            .args(["--disable-gpu", "--no-first-run", "--hide-scrollbars"])
            .args(["--disable-dev-shm-usage", "--mute-audio"])
            .arg(format!("--window-size={width},{height}"))
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| program.display().to_string())?;
        let input = child.stdin.take().context("a pipe to the browser")?;
        let output = child.stdout.take().context("a pipe from the browser")?;
        let mut browser = Chromium {
            child,
            input,
            messages: listen(BufReader::new(output)),
            last_id: 0,
            session: None,
            complaints: Vec::new(),
            _profile: profile,
        };
        browser.attach(width, height)?;
        Ok(browser)
    }

    fn attach(&mut self, width: u32, height: u32) -> anyhow::Result<()> {
        let target = self.call("Target.createTarget", json!({"url": "about:blank"}))?;
        let id = target["targetId"].clone();
        let attached = self.call(
            "Target.attachToTarget",
            json!({"targetId": id, "flatten": true}),
        )?;
        let session = attached["sessionId"].as_str().context("a session")?;
        self.session = Some(session.to_owned());
        for domain in ["Page", "Runtime", "Log", "Network"] {
            self.call(&format!("{domain}.enable"), json!({}))?;
        }
        let size =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.call("Emulation.setDeviceMetricsOverride", size)?;
        Ok(())
    }

    /// One command of the protocol, and its result.
    ///
    /// # Errors
    /// The browser's, or none within two minutes.
    pub fn call(&mut self, method: &str, parameters: Value) -> anyhow::Result<Value> {
        self.last_id += 1;
        let id = self.last_id;
        let mut message = json!({"id": id, "method": method, "params": parameters});
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        self.input.write_all(&bytes)?;
        self.input.flush()?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let answer = self.messages.recv_timeout(left);
            let mut answer = answer.with_context(|| format!("{method}: no answer"))?;
            if answer["id"] == id {
                if let Some(error) = answer.get("error") {
                    bail!("{method}: {error}");
                }
                return Ok(answer["result"].take());
            }
            self.note(&answer);
        }
    }

    fn note(&mut self, event: &Value) {
        let parameters = &event["params"];
        match event["method"].as_str() {
            Some("Runtime.exceptionThrown") => {
                self.complaints
                    .push(parameters["exceptionDetails"].to_string());
            }
            Some("Log.entryAdded") if parameters["entry"]["level"] == "error" => {
                self.complaints.push(parameters["entry"].to_string());
            }
            Some("Network.requestWillBeSent") => {
                let url = parameters["request"]["url"].as_str().unwrap_or("?");
                if url.starts_with("http") {
                    self.complaints.push(format!("asked for {url}"));
                }
            }
            _ => {}
        }
    }

    /// What went wrong in the page so far: exceptions, errors of the log (what its
    /// policy forbids is one), and requests to the network.
    pub fn complaints(&self) -> &[String] {
        &self.complaints
    }

    /// Opens a file.
    ///
    /// # Errors
    /// As [`Chromium::call`].
    pub fn open(&mut self, file: &Path) -> anyhow::Result<()> {
        let url = format!("file://{}", file.canonicalize()?.display());
        let answer = self.call("Page.navigate", json!({"url": url}))?;
        match answer.get("errorText") {
            Some(error) => bail!("{url}: {error}"),
            None => Ok(()),
        }
    }

    /// The value of an expression of the page; a promise's once it is kept.
    ///
    /// # Errors
    /// As [`Chromium::call`], and what the expression throws.
    pub fn evaluate(&mut self, expression: &str) -> anyhow::Result<Value> {
        let parameters = json!({
            "expression": expression, "awaitPromise": true, "returnByValue": true,
        });
        let mut answer = self.call("Runtime.evaluate", parameters)?;
        if let Some(details) = answer.get("exceptionDetails") {
            return Err(anyhow!("{expression}: {details}"));
        }
        Ok(answer["result"]["value"].take())
    }

    /// Waits until an expression of the page is true, however the page is
    /// loaded meanwhile.
    ///
    /// # Errors
    /// Where it is not within two minutes.
    pub fn wait_for(&mut self, condition: &str) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        let promise = format!(
            "new Promise((kept) => {{ let tries = 0; const look = () => {{ \
             if ({condition}) kept(true); else if (++tries > 50) kept(false); \
             else setTimeout(look, 20); }}; look(); }})"
        );
        let mut last = String::new();
        while Instant::now() < deadline {
            match self.evaluate(&promise) {
                Ok(Value::Bool(true)) => return Ok(()),
                Ok(_) => {}
                // The page that was asked is gone, or not there yet.
                Err(error) => {
                    last = error.to_string();
                    std::thread::sleep(Duration::from_millis(20));
                }
            }
        }
        bail!(
            "{condition}: not within {PATIENCE:?}; {last}; {:?}",
            self.complaints
        )
    }

    /// Moves the pointer, presses, releases or turns its wheel: `kind` is the
    /// protocol's.
    ///
    /// # Errors
    /// As [`Chromium::call`].
    pub fn mouse(&mut self, kind: &str, x: f64, y: f64, wheel: f64) -> anyhow::Result<()> {
        let mut event = json!({"type": kind, "x": x, "y": y, "deltaX": 0, "deltaY": wheel});
        if kind == "mousePressed" || kind == "mouseReleased" {
            event["button"] = json!("left");
            event["clickCount"] = json!(1);
        }
        self.call("Input.dispatchMouseEvent", event).map(drop)
    }

    /// Presses a key: its name as in the page's events, and the text it types.
    ///
    /// # Errors
    /// As [`Chromium::call`].
    pub fn key(&mut self, key: &str) -> anyhow::Result<()> {
        let mut down = json!({"type": "keyDown", "key": key});
        if key.chars().count() == 1 {
            down["text"] = json!(key);
        } else if key == "Enter" {
            down["text"] = json!("\r");
            down["windowsVirtualKeyCode"] = json!(13);
        }
        self.call("Input.dispatchKeyEvent", down)?;
        self.call(
            "Input.dispatchKeyEvent",
            json!({"type": "keyUp", "key": key}),
        )?;
        Ok(())
    }

    /// Sets whether the system asks for a dark page.
    ///
    /// # Errors
    /// As [`Chromium::call`].
    pub fn set_dark(&mut self, dark: bool) -> anyhow::Result<()> {
        let value = if dark { "dark" } else { "light" };
        let feature = json!({"name": "prefers-color-scheme", "value": value});
        self.call("Emulation.setEmulatedMedia", json!({"features": [feature]}))
            .map(drop)
    }

    /// What the page looks like, as a PNG.
    ///
    /// # Errors
    /// As [`Chromium::call`].
    pub fn screenshot(&mut self) -> anyhow::Result<Vec<u8>> {
        let shot = self.call("Page.captureScreenshot", json!({"format": "png"}))?;
        let text = shot["data"].as_str().context("a picture")?;
        Ok(STANDARD.decode(text)?)
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The browser's messages, read by a thread of their own until it ends.
fn listen(mut output: impl std::io::BufRead + Send + 'static) -> Receiver<Value> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        while output
            .read_until(0, &mut bytes)
            .is_ok_and(|length| length > 0)
        {
            bytes.pop();
            if let Ok(message) = serde_json::from_slice(&bytes)
                && sender.send(message).is_err()
            {
                return;
            }
            bytes.clear();
        }
    });
    receiver
}
