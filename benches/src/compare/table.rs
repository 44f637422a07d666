//! The comparison as a table of Markdown.

use std::time::Duration;

use super::Row;

/// A Markdown table: a row an instance, a column each who; median over bound
/// and median time, the worst in brackets where seeds differ.
pub fn table(rows: &[Row]) -> String {
    let mut columns: Vec<(String, Option<Duration>)> = Vec::new();
    let mut names: Vec<&str> = Vec::new();
    for row in rows {
        let column = (row.who.clone(), row.timeout);
        if !columns.contains(&column) {
            columns.push(column);
        }
        if !names.contains(&row.instance.as_str()) {
            names.push(&row.instance);
        }
    }
    let mut table = String::from("| instance | jobs |");
    for (who, timeout) in &columns {
        let limit = timeout.map_or_else(String::new, |t| format!(", {} s", t.as_secs_f64()));
        table += &format!(" {who}{limit} |");
    }
    table += "\n|---|---|";
    table += &"---|".repeat(columns.len());
    table.push('\n');
    for name in names {
        let jobs = rows
            .iter()
            .find(|row| row.instance == name)
            .map_or(0, |row| row.jobs);
        table += &format!("| {name} | {jobs} |");
        for (who, timeout) in &columns {
            let cell =
                cell(rows.iter().filter(|row| {
                    row.instance == name && row.who == *who && row.timeout == *timeout
                }));
            table += &format!(" {cell} |");
        }
        table.push('\n');
    }
    table
}

fn cell<'a>(rows: impl Iterator<Item = &'a Row>) -> String {
    let (mut overs, mut times, mut fault) = (Vec::new(), Vec::new(), None);
    for row in rows {
        match (&row.result, row.over()) {
            (Ok((_, seconds)), Some(over)) => {
                overs.push(over);
                times.push(*seconds);
            }
            (Err(why), _) => fault = Some(why.as_str()),
            _ => {}
        }
    }
    if overs.is_empty() {
        return fault.map_or("-", |_| "failed").to_owned();
    }
    overs.sort_by(f64::total_cmp);
    times.sort_by(f64::total_cmp);
    let percent = |over: f64| {
        if over == 0.0 {
            "0".to_owned()
        } else {
            format!("{over:.2}")
        }
    };
    let (median, worst) = (overs[overs.len() / 2], overs[overs.len() - 1]);
    let worst = if worst > median {
        format!(" ({})", percent(worst))
    } else {
        String::new()
    };
    format!(
        "{} %{worst}, {:.2} s",
        percent(median),
        times[times.len() / 2]
    )
}
