//! The page of `report --html` in a real browser: what it draws, and what keys
//! and pointers do.

use crate::opened::{opened, two_placements};

#[test]
fn the_map_shows_each_job_where_it_lies_and_hovering_tells_its_fields() {
    let Some(mut page) = two_placements() else {
        return;
    };
    assert_eq!(
        page.pixel(75.0, 500.0),
        page.pixel(25.0, 1500.0),
        "equal sizes, equal colours"
    );
    assert_eq!(page.pixel(75.0, 500.0)[3], 255);
    assert_eq!(
        page.pixel(75.0, 2030.0)[3],
        0,
        "nothing lies above the makespan"
    );
    let told = page.hover(25.0, 1500.0);
    let lines = "job 1\nsize 1000 bytes, requested 1000\nlives [0, 50), 50 ticks\n\
                 offset 1000 to 2000\nalignment 1, heap 0x0";
    assert_eq!(told, lines);
    assert!(page.hover(75.0, 1500.0).starts_with("job </script>\n"));
    assert!(page.hover(75.0, 500.0).starts_with("job 0\n"));
    page.keep("hover.png");
    assert_eq!(page.hover(75.0, 2035.0), "", "no job, nothing told");
    page.assert_quiet();
}

#[test]
fn wheel_and_drag_zoom_and_move_about_the_pointer() {
    let Some(mut page) = two_placements() else {
        return;
    };
    let width = page.number("page.view.width");
    let (x, y) = page.place(25.0, 1500.0);
    page.browser
        .mouse("mouseWheel", x, y, -200.0)
        .expect("a turn");
    page.browser
        .wait_for(&format!("page.view.width < {width} * 0.7"))
        .expect("it zooms");
    page.settle();
    let after = page.place(25.0, 1500.0);
    assert!(
        (after.0 - x).abs() < 1.5 && (after.1 - y).abs() < 1.5,
        "{after:?} {x} {y}"
    );
    assert!(page.hover(25.0, 1500.0).starts_with("job 1\n"));

    let left = page.number("page.view.left");
    page.browser
        .mouse("mousePressed", x, y, 0.0)
        .expect("a press");
    page.browser
        .mouse("mouseMoved", x - 100.0, y, 0.0)
        .expect("a move");
    page.browser
        .mouse("mouseReleased", x - 100.0, y, 0.0)
        .expect("a release");
    page.settle();
    let moved = page.place(25.0, 1500.0);
    assert!((moved.0 - (x - 100.0)).abs() < 1.5, "{moved:?}");
    assert!(page.number("page.view.left") > left);

    // The load stands on the same axis, and its wheel zooms the time alone.
    let address = page.number("page.view.height");
    let width = page.number("page.view.width");
    let load = page.value("(() => { const box = page.load.getBoundingClientRect(); return [box.left + box.width / 2, box.top + 20]; })()");
    let (x, y) = (load[0].as_f64().expect("x"), load[1].as_f64().expect("y"));
    page.browser
        .mouse("mouseWheel", x, y, 200.0)
        .expect("a turn");
    page.browser
        .wait_for(&format!("page.view.width > {width}"))
        .expect("it zooms");
    page.settle();
    assert_eq!(page.number("page.view.height"), address);
    page.assert_quiet();
}

#[test]
fn keys_move_zoom_search_and_switch() {
    let Some(mut page) = two_placements() else {
        return;
    };
    page.value("page.map.focus()");
    let whole = page.number("page.view.width");
    page.key("+");
    assert!(page.number("page.view.width") < whole * 0.6);
    let left = page.number("page.view.left");
    page.key("ArrowRight");
    assert!(page.number("page.view.left") > left);
    page.key("ArrowLeft");
    let bottom = page.number("page.view.bottom");
    page.key("ArrowUp");
    assert!(page.number("page.view.bottom") > bottom);
    page.key("-");
    page.key("0");
    assert_eq!(page.number("page.view.width"), whole);

    page.key("/");
    assert_eq!(page.value("document.activeElement.id"), "id");
    for letter in "</script>".chars() {
        page.key(&letter.to_string());
    }
    page.key("Enter");
    assert_eq!(page.value("document.activeElement.id"), "map");
    assert_eq!(
        page.value("document.getElementById('found').textContent"),
        "job </script>"
    );
    let spoken = page.value("document.getElementById('spoken').textContent");
    assert!(
        spoken
            .as_str()
            .expect("text")
            .contains("offset 1000 to 2000"),
        "{spoken}"
    );
    page.keep("found.png");

    page.key("0");
    page.key("b");
    assert_eq!(
        page.value("document.getElementById('switch').textContent"),
        "After"
    );
    assert!(page.hover(25.0, 1500.0).starts_with("job 0\n"));
    assert!(page.hover(25.0, 500.0).starts_with("job 1\n"));
    page.key("b");
    assert!(page.hover(25.0, 500.0).starts_with("job 0\n"));

    page.key("c");
    assert_eq!(page.value("page.by"), "age");
    assert_ne!(
        page.pixel(75.0, 500.0),
        page.pixel(25.0, 1500.0),
        "job 0 grows older"
    );
    page.key("p");
    page.key("Enter");
    page.assert_quiet();
}

#[test]
fn the_page_is_dark_where_the_system_is_and_all_parts_are_named() {
    let Some(mut page) = two_placements() else {
        return;
    };
    let ground = "getComputedStyle(document.body).backgroundColor";
    page.browser.set_dark(false).expect("light");
    let light = page.value(ground);
    page.browser.set_dark(true).expect("dark");
    page.browser
        .wait_for(&format!("{ground} !== {light}"))
        .expect("it turns dark");
    page.settle();
    page.keep("dark.png");
    for selector in ["canvas", "button", "input"] {
        let unnamed = format!(
            "[...document.querySelectorAll('{selector}')].filter((part) => \
             !(part.getAttribute('aria-label') || part.textContent || part.labels?.length)).length"
        );
        assert_eq!(page.number(&unnamed), 0.0, "{selector}");
    }
    let outline = "page.map.focus(), page.map.matches(':focus-visible') ? getComputedStyle(page.map).outlineStyle : 'none'";
    page.key("+");
    assert_eq!(page.value(outline), "solid");
    let metrics = page.value("document.getElementById('metrics').textContent");
    let metrics = metrics.as_str().expect("text");
    assert!(
        metrics.contains("LOAD2000 bytes") && metrics.contains("moved3 of 3 jobs"),
        "{metrics}"
    );
    page.assert_quiet();
}

#[test]
fn gaps_groups_and_heaps_are_drawn_as_they_are_held() {
    let jobs = "\
id,lower,upper,size,gaps,group,heap,offset
1,0,100,1000,20-40@0:500 60-80,,0,0
2,0,100,1000,,g,4096,0
3,50,100,600,,g,4096,0
";
    let files: [(&str, &[u8]); 1] = [("a.csv", jobs.as_bytes())];
    let Some(mut page) = opened(&files, &["a.csv", "--html", "page.html"]) else {
        return;
    };
    for (time, address, held) in [
        (10.0, 750.0, 255),
        (30.0, 750.0, 0),
        (30.0, 250.0, 255),
        (70.0, 250.0, 0),
    ] {
        assert_eq!(page.pixel(time, address)[3], held, "{time} {address}");
    }
    let told = page.hover(30.0, 250.0);
    assert!(
        told.contains("size 1000 bytes") && told.contains("lives [0, 100)"),
        "{told}"
    );
    assert!(told.ends_with("this piece: [20, 40), 500 bytes"), "{told}");
    // The second heap lies above the first, whose makespan is 1000.
    assert!(
        page.hover(25.0, 1500.0)
            .contains("offset 0 to 1000\nalignment 1, heap 0x1000")
    );
    // 1000 of the group, once, and of job 1 what its gaps leave.
    for (time, load) in [(10, 2000), (30, 1500), (70, 1000), (90, 2000)] {
        assert_eq!(
            page.number(&format!("loadAt(page.jobs.curve, {time})")),
            f64::from(load)
        );
    }
    page.keep("pieces.png");
    page.assert_quiet();
}

#[test]
fn numbers_beyond_what_a_browser_counts_exactly_are_told_exactly() {
    let jobs = "\
id,lower,upper,size,offset
18446744073709551615,9007199254740993,9007199254740999,1152921504606846977,0
9007199254740993,9007199254740994,9007199254740998,3,1152921504606846977
";
    let files: [(&str, &[u8]); 1] = [("a.csv", jobs.as_bytes())];
    let Some(mut page) = opened(&files, &["a.csv", "--html", "page.html"]) else {
        return;
    };
    page.value("page.find('9007199254740993') && 0");
    page.settle();
    let spoken = page.value("document.getElementById('spoken').textContent");
    let expected = "job 9007199254740993\nsize 3 bytes, requested 3\n\
                    lives [9007199254740994, 9007199254740998), 4 ticks\n\
                    offset 1152921504606846977 to 1152921504606846980\nalignment 1, heap 0x0";
    assert_eq!(spoken, expected);
    page.value("page.find('9007199254740994')");
    assert_eq!(
        page.value("document.getElementById('found').textContent"),
        "no job 9007199254740994"
    );
    page.assert_quiet();
}

#[test]
fn many_jobs_show_as_density_and_each_is_found_where_it_lies() {
    let mut rows = String::from("id,lower,upper,size,offset\n");
    for index in 0..200_000u64 {
        let (column, row) = (index / 400, index % 400);
        let birth = 10 * column;
        rows += &format!(
            "{index},{birth},{},{},{}\n",
            birth + 9,
            16 + row % 7,
            32 * row
        );
    }
    let files: [(&str, &[u8]); 1] = [("a.csv", rows.as_bytes())];
    let Some(mut page) = opened(&files, &["a.csv", "--html", "page.html"]) else {
        return;
    };
    page.keep("many.png");
    let opacity = page.pixel(2500.0, 6400.0)[3];
    assert!(
        (40..255).contains(&opacity),
        "between empty and full: {opacity}"
    );
    page.value("page.find('123456')");
    page.settle();
    page.keep("one_of_many.png");
    // Column 308, row 256.
    assert!(
        page.hover(3084.0, 8200.0)
            .starts_with("job 123456\nsize 20 bytes")
    );
    assert_eq!(
        page.number("page.index.at(3089.5, 8200)"),
        -1.0,
        "between two"
    );
    assert_eq!(
        page.number("loadAt(page.jobs.curve, 5)"),
        400.0 * 16.0 + 1197.0
    );
    page.assert_quiet();
}
