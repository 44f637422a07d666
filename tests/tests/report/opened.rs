//! A page of `report --html` in a real browser, as the tests handle it. They are
//! skipped where there is no Chromium.

use std::path::Path;

use benches::chromium::{self, Chromium};
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::run_in;

const WIDTH: u32 = 1200;
const HEIGHT: u32 = 900;

/// Job 0 is the lower half for all of the time; 1 and 2 share the upper half.
/// The id of 2 is no number.
pub(crate) const JOBS: &str = "\
id,lower,upper,size,offset
0,0,100,1000,0
1,0,50,1000,1000
</script>,50,100,1000,1000
";

/// 0 and 1 the other way round.
pub(crate) const OTHER: &str = "\
id,lower,upper,size,offset
0,0,100,1000,1000
1,0,50,1000,0
</script>,50,100,1000,0
";

pub(crate) struct Opened {
    pub(crate) browser: Chromium,
    folder: TempDir,
}

/// Writes a page of files and opens it; `None`, and told, without a browser.
pub(crate) fn opened(files: &[(&str, &[u8])], arguments: &[&str]) -> Option<Opened> {
    let Some(program) = chromium::find() else {
        eprintln!("SKIPPED: Chromium is not installed");
        return None;
    };
    let folder = tests::folder(files);
    let ran = run_in(folder.path(), "report", arguments, b"");
    assert_eq!(ran.code, 0, "{}", ran.err);
    Some(shown(&program, folder))
}

/// Opens a page that a test wrote by itself.
pub(crate) fn opened_page(html: &[u8]) -> Option<Opened> {
    let Some(program) = chromium::find() else {
        eprintln!("SKIPPED: Chromium is not installed");
        return None;
    };
    Some(shown(&program, tests::folder(&[("page.html", html)])))
}

fn shown(program: &Path, folder: TempDir) -> Opened {
    let mut browser = Chromium::start(program, WIDTH, HEIGHT).expect("a browser");
    browser
        .open(&folder.path().join("page.html"))
        .expect("a page");
    browser
        .wait_for("document.body && document.body.dataset.ready === 'yes'")
        .expect("the map is drawn");
    Opened { browser, folder }
}

pub(crate) fn two_placements() -> Option<Opened> {
    opened(
        &[("a.csv", JOBS.as_bytes()), ("b.csv", OTHER.as_bytes())],
        &["a.csv", "--against", "b.csv", "--html", "page.html"],
    )
}

impl Opened {
    pub(crate) fn value(&mut self, expression: &str) -> Value {
        self.browser.evaluate(expression).expect("a value")
    }

    pub(crate) fn number(&mut self, expression: &str) -> f64 {
        self.value(expression).as_f64().expect("a number")
    }

    pub(crate) fn settle(&mut self) {
        let settled = "!page.requested && !page.painting && !page.stale";
        self.browser.wait_for(settled).expect("it settles");
    }

    pub(crate) fn key(&mut self, key: &str) {
        self.browser.key(key).expect("a key");
        self.settle();
    }

    /// Where a time and an address are, in pixels of the window.
    pub(crate) fn place(&mut self, time: f64, address: f64) -> (f64, f64) {
        let place = format!(
            "(() => {{ const box = page.map.getBoundingClientRect(); \
             const [x, y] = page.toPlot(page.plot, {time}, {address}); \
             return [box.left + x, box.top + y]; }})()"
        );
        let place = self.value(&place);
        (place[0].as_f64().expect("x"), place[1].as_f64().expect("y"))
    }

    pub(crate) fn hover(&mut self, time: f64, address: f64) -> String {
        let (x, y) = self.place(time, address);
        self.browser.mouse("mouseMoved", x, y, 0.0).expect("a move");
        self.settle();
        let shown = "document.getElementById('tip').hidden ? '' : document.getElementById('tip').textContent";
        self.value(shown).as_str().expect("text").to_owned()
    }

    /// The colour of a pixel of the map: red, green, blue, opacity.
    pub(crate) fn pixel(&mut self, time: f64, address: f64) -> Vec<u64> {
        let pixel = format!(
            "(() => {{ const [x, y] = page.toPlot(page.plot, {time}, {address}); \
             return [...page.map.getContext('2d').getImageData(x, y, 1, 1).data]; }})()"
        );
        let pixel = self.value(&pixel);
        let parts = pixel.as_array().expect("four numbers").iter();
        parts.map(|part| part.as_u64().expect("a number")).collect()
    }

    /// Keeps a picture where `REPORT_SHOTS` names a folder, to be looked at.
    pub(crate) fn keep(&mut self, name: &str) {
        let shot = self.browser.screenshot().expect("a picture");
        assert!(shot.starts_with(b"\x89PNG"));
        if let Some(folder) = std::env::var_os("REPORT_SHOTS") {
            std::fs::write(Path::new(&folder).join(name), shot).expect("a file");
        }
    }

    pub(crate) fn assert_quiet(&self) {
        assert!(
            self.browser.complaints().is_empty(),
            "{:?}",
            self.browser.complaints()
        );
    }

    /// Another file that the program wrote.
    pub(crate) fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).expect("a file")
    }

    /// The text of an element.
    pub(crate) fn text(&mut self, id: &str) -> String {
        let text = self.value(&format!("document.getElementById('{id}').textContent"));
        text.as_str().expect("text").to_owned()
    }

    /// What the tool tip says; nothing where there is none.
    pub(crate) fn tip(&mut self) -> String {
        self.settle();
        let shown = "document.getElementById('tip').hidden ? '' : document.getElementById('tip').textContent";
        self.value(shown).as_str().expect("text").to_owned()
    }

    /// A key with Shift held.
    pub(crate) fn shift(&mut self, key: &str) {
        for kind in ["keyDown", "keyUp"] {
            let mut event = json!({"type": kind, "key": key, "modifiers": 8});
            if key == "Enter" && kind == "keyDown" {
                event["text"] = json!("\r");
                event["windowsVirtualKeyCode"] = json!(13);
            }
            self.browser
                .call("Input.dispatchKeyEvent", event)
                .expect("a key");
        }
        self.settle();
    }

    /// Types into the search field and presses Enter.
    pub(crate) fn search(&mut self, text: &str) -> String {
        self.key("/");
        self.value(&format!("document.getElementById('id').value = '{text}'"));
        self.key("Enter");
        self.text("found")
    }

    /// Drags with a button and with modifiers of the protocol: 1 Alt, 2 Ctrl, 8 Shift.
    pub(crate) fn drag(&mut self, from: (f64, f64), to: (f64, f64), button: &str, modifiers: u32) {
        let steps = [
            ("mousePressed", from),
            ("mouseMoved", ((from.0 + to.0) / 2.0, (from.1 + to.1) / 2.0)),
            ("mouseMoved", to),
            ("mouseReleased", to),
        ];
        for (kind, (x, y)) in steps {
            let event = json!({
                "type": kind, "x": x, "y": y, "button": button, "modifiers": modifiers,
                "buttons": if button == "right" { 2 } else { 1 }, "clickCount": 1,
            });
            self.browser
                .call("Input.dispatchMouseEvent", event)
                .expect("a drag");
        }
        self.settle();
    }

    /// Fingers touch, move to or leave these points.
    pub(crate) fn touch(&mut self, kind: &str, points: &[(f64, f64)]) {
        let points: Vec<Value> = (0..)
            .zip(points)
            .map(|(id, (x, y)): (u32, _)| json!({"x": x, "y": y, "id": id}))
            .collect();
        let event = json!({"type": kind, "touchPoints": points});
        self.browser
            .call("Input.dispatchTouchEvent", event)
            .expect("a touch");
        self.settle();
    }

    /// The view: left, right, bottom and top.
    pub(crate) fn view(&mut self) -> [f64; 4] {
        let view =
            self.value("[page.view.left, page.view.right, page.view.bottom, page.view.upper]");
        [0, 1, 2, 3].map(|index| view[index].as_f64().expect("a number"))
    }
}
