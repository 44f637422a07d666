//! The tools of the page of `report --html`: search, comparing, boxes, fingers,
//! tables, holes, and what a trace adds.

use common::format::Format;
use common::input::{self, Offsets};
use sanity::report::{self, History, Page, PinnedBy, Report};

use crate::opened::{JOBS, Opened, opened, opened_page, two_placements};

/// A process's memory. The first region lives for all of the time, though only 1
/// is left of its blocks after 50; 3 and 4 are mappings that never coexist.
const PROCESS: &str = "\
id,lower,upper,size,heap,offset
1,0,100,4096,1048576,0
2,0,50,8192,1048576,4096
3,0,40,40960,67108864,0
4,60,100,40960,134217728,0
";

fn process() -> Option<Opened> {
    let files: [(&str, &[u8]); 1] = [("a.csv", PROCESS.as_bytes())];
    opened(&files, &["a.csv", "--html", "page.html"])
}

#[test]
fn a_search_takes_ids_sizes_classes_and_heaps_and_steps_through_what_it_found() {
    let Some(mut page) = two_placements() else {
        return;
    };
    assert_eq!(page.search("1"), "job 1");
    assert_eq!(page.search("7"), "no job 7");
    assert_eq!(page.search("1000"), "no job 1000; size:1000 finds some");
    assert_eq!(page.search("size:1000"), "3 jobs of 1000 bytes");
    assert_eq!(page.value("document.activeElement.id"), "id");
    page.key("Enter");
    assert_eq!(page.text("found"), "1 of 3 jobs of 1000 bytes");
    assert!(page.tip().starts_with("job 0\n"));
    page.shift("Enter");
    assert_eq!(page.text("found"), "3 of 3 jobs of 1000 bytes");
    assert!(page.tip().starts_with("job </script>\n"));
    for (text, found) in [
        ("class:1000", "3 jobs of 897 to 1024 bytes"),
        (">=1k", "no jobs of 1024 bytes or more"),
        ("<1001", "3 jobs of up to 1000 bytes"),
        ("size:900..0x3e8", "3 jobs of 900 to 1000 bytes"),
        ("heap:0x0", "3 jobs in heap 0x0"),
        ("size:x", "size: takes bytes, such as 4096, 64KiB, >=1MiB"),
    ] {
        assert_eq!(page.search(text), found, "{text}");
    }
    page.search("size:1000");
    page.value("page.map.focus()");
    page.key("n");
    page.key("n");
    assert_eq!(page.text("found"), "2 of 3 jobs of 1000 bytes");
    page.key("Escape");
    assert_eq!(page.text("found"), "");
    assert_eq!(page.value("page.selection"), serde_json::Value::Null);
    page.assert_quiet();
}

#[test]
fn both_placements_lie_side_by_side_or_divided_and_move_together() {
    let Some(mut page) = two_placements() else {
        return;
    };
    page.value("page.map.focus()");
    page.key("s");
    page.keep("beside.png");
    let second = |page: &mut Opened, time: f64, address: f64| {
        let place = format!(
            "(() => {{ const box = page.map.getBoundingClientRect(); \
             const [x, y] = page.toPlot(page.panes[1].plot, {time}, {address}); \
             return [box.left + x, box.top + y]; }})()"
        );
        let place = page.value(&place);
        (place[0].as_f64().expect("x"), place[1].as_f64().expect("y"))
    };
    assert!(page.hover(25.0, 500.0).starts_with("job 0\n"));
    let (x, y) = second(&mut page, 25.0, 500.0);
    page.browser.mouse("mouseMoved", x, y, 0.0).expect("a move");
    assert!(page.tip().starts_with("job 1\n"));
    // A wheel over the second moves the first about the same point.
    let before = page.place(25.0, 500.0);
    page.browser
        .mouse("mouseWheel", x, y, -200.0)
        .expect("a turn");
    page.browser
        .wait_for("page.view.width < 70")
        .expect("it zooms");
    page.settle();
    let after = page.place(25.0, 500.0);
    assert!((before.0 - after.0).abs() < 1.5 && (before.1 - after.1).abs() < 1.5);
    page.key("0");

    page.key("d");
    page.keep("slider.png");
    // Left of the divider is the one, right of it the other.
    assert!(page.hover(25.0, 500.0).starts_with("job 0\n"));
    assert!(page.hover(75.0, 500.0).starts_with("job </script>\n"));
    let (from, to) = (page.place(50.0, 500.0), page.place(90.0, 500.0));
    page.drag(from, to, "left", 0);
    assert!((page.number("page.divider") - 0.9).abs() < 0.02);
    assert!(page.hover(75.0, 500.0).starts_with("job 0\n"));
    page.key("d");
    assert_eq!(page.number("page.panes.length"), 1.0);
    page.assert_quiet();
}

#[test]
fn the_header_tells_the_difference_in_bytes_and_per_cent() {
    let higher = JOBS.replace("1,0,50,1000,1000", "1,0,50,1000,4000");
    let files: [(&str, &[u8]); 2] = [("a.csv", higher.as_bytes()), ("b.csv", JOBS.as_bytes())];
    let arguments = ["a.csv", "--against", "b.csv", "--html", "page.html"];
    let Some(mut page) = opened(&files, &arguments) else {
        return;
    };
    let difference = "2.93 KiB (60.0 %) less memory";
    assert_eq!(
        page.text("difference"),
        format!("Before: a.csv, 4.88 KiB. After: b.csv, 1.95 KiB: {difference}.")
    );
    assert_eq!(page.value("document.title"), format!("a.csv: {difference}"));
    page.assert_quiet();
}

#[test]
fn a_box_is_zoomed_into_and_shift_keeps_to_one_axis() {
    let Some(mut page) = two_placements() else {
        return;
    };
    let near = |a: f64, b: f64, whole: f64| (a - b).abs() < whole / 100.0;
    for (button, modifiers) in [("right", 0), ("left", 2), ("left", 1)] {
        page.key("0");
        let (from, to) = (page.place(20.0, 1600.0), page.place(60.0, 400.0));
        page.drag(from, to, button, modifiers);
        let [left, right, bottom, upper] = page.view();
        assert!(
            near(left, 20.0, 100.0) && near(right, 60.0, 100.0),
            "{left} {right}"
        );
        assert!(near(bottom, 400.0, 2000.0) && near(upper, 1600.0, 2000.0));
    }
    page.key("0");
    let whole = page.view();
    let (from, to) = (page.place(20.0, 1000.0), page.place(60.0, 900.0));
    page.drag(from, to, "right", 8);
    let [left, right, bottom, upper] = page.view();
    assert!(near(left, 20.0, 100.0) && near(right, 60.0, 100.0));
    assert_eq!([bottom, upper], [whole[2], whole[3]], "all addresses");

    // A drag with Shift moves along one axis; a wheel zooms the time alone.
    let before = page.view();
    let (from, to) = (page.place(40.0, 1000.0), page.place(30.0, 950.0));
    page.drag(from, to, "left", 8);
    let after = page.view();
    assert!(
        near(after[0], before[0] + 10.0, 40.0),
        "{after:?} {before:?}"
    );
    assert_eq!(after[2], before[2]);
    let (x, y) = page.place(40.0, 1000.0);
    for (modifiers, axis) in [(8, [0, 1]), (1, [2, 3])] {
        let before = page.view();
        let event = serde_json::json!({
            "type": "mouseWheel", "x": x, "y": y, "deltaX": 0, "deltaY": -200, "modifiers": modifiers,
        });
        page.browser
            .call("Input.dispatchMouseEvent", event)
            .expect("a turn");
        let index = ["left", "right", "bottom", "upper"][axis[0]];
        let was = before[axis[0]];
        page.browser
            .wait_for(&format!("page.view.{index} !== {was}"))
            .expect("it zooms");
        page.settle();
        let after = page.view();
        for index in (0..4).filter(|index| !axis.contains(index)) {
            assert_eq!(after[index], before[index], "{modifiers}");
        }
    }
    page.assert_quiet();
}

#[test]
fn fingers_tap_move_and_zoom() {
    let Some(mut page) = two_placements() else {
        return;
    };
    let at = page.place(25.0, 1500.0);
    page.touch("touchStart", &[at]);
    page.touch("touchEnd", &[]);
    assert!(page.tip().starts_with("job 1\n"));
    let before = page.view();
    page.touch("touchStart", &[at]);
    page.touch("touchMove", &[(at.0 - 60.0, at.1 - 40.0)]);
    page.touch("touchMove", &[(at.0 - 100.0, at.1 - 60.0)]);
    page.touch("touchEnd", &[]);
    let after = page.view();
    assert!(after[0] > before[0] && after[2] < before[2], "{after:?}");
    assert_eq!(page.tip(), "", "what was told is not there any more");
    page.key("0");
    let (x, y) = page.place(50.0, 1000.0);
    page.touch("touchStart", &[(x - 40.0, y)]);
    page.touch("touchStart", &[(x - 40.0, y), (x + 40.0, y)]);
    page.touch("touchMove", &[(x - 80.0, y), (x + 80.0, y)]);
    page.touch("touchEnd", &[]);
    let [left, right, ..] = page.view();
    assert!(
        (right - left - 50.0).abs() < 1.0,
        "twice as close: {left} {right}"
    );
    let now = page.place(50.0, 1000.0);
    assert!((now.0 - x).abs() < 1.5 && (now.1 - y).abs() < 1.5);
    // A tap tells, and one elsewhere hides it.
    page.touch("touchStart", &[(x, y)]);
    page.touch("touchEnd", &[]);
    assert_ne!(page.tip(), "");
    page.touch("touchStart", &[(20.0, 12.0)]);
    page.touch("touchEnd", &[]);
    assert_eq!(page.tip(), "");
    page.assert_quiet();
}

#[test]
fn the_tool_tip_goes() {
    let Some(mut page) = two_placements() else {
        return;
    };
    let told = |page: &mut Opened| {
        assert!(page.hover(20.0, 600.0).starts_with("job 0\n"));
        assert!(page.hover(25.0, 500.0).starts_with("job 0\n"));
    };
    told(&mut page);
    page.browser
        .mouse("mouseMoved", 600.0, 3.0, 0.0)
        .expect("a move");
    assert_eq!(page.tip(), "", "the pointer left");
    told(&mut page);
    page.key("Escape");
    assert_eq!(page.tip(), "", "Escape");
    told(&mut page);
    page.value("document.querySelector('h1').dispatchEvent(new PointerEvent('pointerdown', { bubbles: true }))");
    assert_eq!(page.tip(), "", "a press elsewhere");
    told(&mut page);
    page.value("window.dispatchEvent(new Event('scroll'))");
    assert_eq!(page.tip(), "", "scrolling");
    page.assert_quiet();
}

#[test]
fn rows_of_tables_single_out_their_jobs_and_show_their_heaps() {
    let jobs = "\
id,lower,upper,size,heap,offset
1,0,100,1000,0,0
2,0,100,3000,4096,0
3,0,100,1000,4096,3000
";
    let files: [(&str, &[u8]); 1] = [("a.csv", jobs.as_bytes())];
    let Some(mut page) = opened(&files, &["a.csv", "--html", "page.html"]) else {
        return;
    };
    // 1 lies below, then 2 and 3.
    let click = |page: &mut Opened, pick: &str, from: &str| {
        let row = format!("#tables tr[data-pick={pick}][data-from=\"{from}\"] button");
        page.value(&format!("document.querySelector('{row}').focus()"));
        page.key("Enter");
        page.text("found")
    };
    assert_eq!(page.pixel(50.0, 2500.0)[3], 255);
    assert_eq!(
        click(&mut page, "size", "897"),
        "2 jobs of 897 to 1024 bytes"
    );
    let alphas = [500.0, 2500.0, 4500.0].map(|address| page.pixel(50.0, address)[3]);
    assert!(
        alphas[0] == 255 && alphas[1] < 100 && alphas[2] == 255,
        "{alphas:?}"
    );
    page.keep("selected.png");
    assert_eq!(click(&mut page, "size", "897"), "", "once more: all again");
    assert_eq!(page.pixel(50.0, 2500.0)[3], 255);
    assert_eq!(click(&mut page, "heap", "4096"), "2 jobs in heap 0x1000");
    let [.., bottom, upper] = page.view();
    assert!(bottom > 800.0 && bottom < 1000.0 && upper > 5000.0 && upper < 5200.0);
    page.assert_quiet();
}

#[test]
fn holes_glare_and_regions_that_never_coexist_share_a_place() {
    let Some(mut page) = process() else {
        return;
    };
    assert_eq!(page.number("page.jobs.top"), 12288.0 + 40960.0);
    assert!(page.hover(20.0, 30000.0).starts_with("job 3\n"));
    let told = page.hover(80.0, 30000.0);
    assert!(
        told.starts_with("job 4\n") && told.contains("address 0x8000000"),
        "{told}"
    );
    page.hover(80.0, 2000.0);
    let free = page.pixel(75.0, 8000.0);
    page.key("h");
    page.keep("holes.png");
    let glaring = page.pixel(75.0, 8000.0);
    assert_ne!(free, glaring);
    assert!(glaring[0] > 200 && glaring[1] < 100, "{glaring:?}");
    let block = page.pixel(25.0, 8000.0);
    assert!(block[0] < 150 && block[3] == 255, "{block:?}");
    page.key("h");
    assert_eq!(page.pixel(75.0, 8000.0), free);
    page.assert_quiet();
}

/// How many pixels of a level have the colour of the peak.
fn red_pixels(page: &mut Opened, address: f64) -> f64 {
    page.number(&format!(
        "(() => {{ const [x, y] = page.toPlot(page.plot, 0, {address}); let red = 0; \
         const {{ data }} = page.map.getContext('2d').getImageData(x, y - 1, 500, 3); \
         for (let i = 0; i < data.length; i += 4) red += data[i] > 190 && data[i + 1] < 80 && data[i + 2] < 80; \
         return red; }})()"
    ))
}

#[test]
fn a_level_of_load_is_drawn_in_one_heap_and_few_lines_between_many() {
    let Some(mut page) = two_placements() else {
        return;
    };
    assert!(red_pixels(&mut page, 2000.0) > 200.0);
    let rows = |heaps: u64| {
        let rows = (0..heaps).map(|heap| format!("{heap},0,9,1000,{},0\n", 64 * heap));
        format!(
            "id,lower,upper,size,heap,offset\n{}",
            rows.collect::<String>()
        )
    };
    let many = rows(133);
    let files: [(&str, &[u8]); 1] = [("a.csv", many.as_bytes())];
    let arguments = ["a.csv", "--html", "page.html"];
    let Some(mut page) = opened(&files, &arguments) else {
        return;
    };
    page.keep("heaps.png");
    assert_eq!(red_pixels(&mut page, 133_000.0), 0.0);
    // The map keeps the colour of its blocks.
    let colours = page.value(
        "(() => { const { left, top, bottom } = page.plot; const seen = new Map(); \
         const { data } = page.map.getContext('2d').getImageData(left + 40, top + 20, 1, bottom - top - 30); \
         for (let i = 0; i < data.length; i += 4) { const key = data.slice(i, i + 3).join(); seen.set(key, (seen.get(key) || 0) + 1); } \
         return Math.max(...seen.values()) / (data.length / 4); })()",
    );
    assert!(colours.as_f64().expect("a share") > 0.6, "{colours}");
    for (heaps, lines) in [(133, 0), (3, 3)] {
        let folder = tests::folder(&[("a.csv", rows(heaps))]);
        let ran = tests::run_in(folder.path(), "report", &["a.csv", "--svg", "a.svg"], b"");
        assert_eq!(ran.code, 0, "{}", ran.err);
        let svg = std::fs::read_to_string(folder.path().join("a.svg")).expect("a picture");
        assert_eq!(svg.matches("class=\"heap\"").count(), lines);
    }
}

#[test]
fn what_a_trace_tells_is_on_the_axis_in_the_chart_and_in_the_list_of_pins() {
    let document = input::load(PROCESS.as_bytes(), Format::Csv, Offsets::Placement).expect("jobs");
    let report = Report::new(&document, 0);
    let pins = vec![PinnedBy {
        label: "up to <4096> bytes".to_owned(),
        blocks: 1,
        bytes: 8192,
    }];
    let mut told = Page::new("a.csv", &document, &report);
    told.program = Some("cc1".to_owned());
    told.verdict = Some("could be 7.1 % smaller".to_owned());
    // Half of the ticks take a tenth of the time.
    told.history = History {
        seconds: vec![(0, 0), (50, 1_000_000_000), (100, 10_000_000_000)],
        resident: vec![(0, 10_000), (50, 60_000)],
        least: Some(53_248),
        pins,
    };
    let svg = report::svg(&told).expect("a picture");
    for part in [
        "cc1: could be 7.1 % smaller",
        "time (s)",
        "address (KiB)",
        "least possible, 52.0 KiB",
    ] {
        assert!(svg.contains(part), "{part}");
    }
    let mut html = Vec::new();
    report::html(&mut html, &told).expect("memory takes all");
    let Some(mut page) = opened_page(&html) else {
        return;
    };
    assert_eq!(page.value("document.title"), "cc1: could be 7.1 % smaller");
    assert_eq!(page.text("verdict"), "could be 7.1 % smaller");
    // Job 2 dies after a second of ten.
    assert!(page.hover(0.5e9, 8000.0).starts_with("job 2\n"));
    assert!(page.hover(0.5e9, 8000.0).contains("at 0 ns, for 1 s"));
    assert_eq!(page.hover(1.5e9, 8000.0), "");
    let legend = page.text("curves");
    assert_eq!(
        legend,
        "at 1.5 s:live 4.00 KiBheld 12.0 KiBresident 58.6 KiBleast 52.0 KiBwhen most is live"
    );
    page.keep("traced.png");
    page.key("h");
    assert_eq!(
        page.text("pinned"),
        "What keeps most of the memory that is touched but free:up to <4096> bytes: 1 block keeps 8.00 KiB"
    );
    page.key("t");
    assert!(
        page.hover(25.0, 8000.0).starts_with("job 2\n"),
        "ticks again"
    );
    page.assert_quiet();
}

#[test]
fn the_same_colours_mean_the_same_sizes_in_the_page_and_in_the_picture() {
    let rows: String = (0..20u64)
        .map(|power| format!("{power},0,9,{},{}\n", 1 << power, (1 << power) - 1))
        .collect();
    let rows = format!("id,lower,upper,size,offset\n{rows}");
    for colour in ["size", "age"] {
        let files: [(&str, &[u8]); 1] = [("a.csv", rows.as_bytes())];
        let arguments = [
            "a.csv",
            "--html",
            "page.html",
            "--svg",
            "a.svg",
            "--colour",
            colour,
        ];
        let Some(mut page) = opened(&files, &arguments) else {
            return;
        };
        let svg = page.file("a.svg");
        let entries = page.value(
            "page.scale.legend().map(([colour, text]) => [page.jobs.meta.palette[colour], text])",
        );
        let entries = entries.as_array().expect("entries");
        assert!(!entries.is_empty());
        for entry in entries {
            let [fill, text] = [0, 1].map(|index| entry[index].as_str().expect("text"));
            let text = text.replace('>', "&gt;");
            let shown = svg.lines().any(|line| {
                line.contains("<rect")
                    && line.contains(fill)
                    && line.contains(&format!(">{text}</text>"))
            });
            assert!(shown, "{fill} {text}");
        }
        page.assert_quiet();
    }
}
