//! How full each cell of a picture is with rectangles too small to see.

use std::fmt::Write as _;

/// Steps of opacity.
const SHADES: u8 = 16;
/// Less than this is nothing but rounding.
const NOTHING: f32 = 1e-4;

/// A grid of square cells, row by row, as changes of the fullness from one
/// column to the next: a rectangle costs its rows, however wide it is.
pub(super) struct Density {
    cell: f64,
    rows: usize,
    columns: usize,
    change: Vec<f32>,
}

impl Density {
    /// For a picture of a width and a height, in cells of a side.
    pub(super) fn new(width: f64, height: f64, cell: f64) -> Density {
        let (rows, columns) = (
            (height / cell).ceil() as usize,
            (width / cell).ceil() as usize,
        );
        Density {
            cell,
            rows,
            columns,
            change: vec![0.0; rows * (columns + 2)],
        }
    }

    /// Adds a rectangle, relative to the picture's corner.
    pub(super) fn add(&mut self, left: f64, right: f64, top: f64, bottom: f64) {
        let column = |x: f64| (x / self.cell).clamp(0.0, self.columns as f64);
        let row = |y: f64| (y / self.cell).clamp(0.0, self.rows as f64);
        let (left, right, top, bottom) = (column(left), column(right), row(top), row(bottom));
        let mut index = top as usize;
        while index < self.rows && (index as f64) < bottom {
            let share = bottom.min(index as f64 + 1.0) - top.max(index as f64);
            let line = index * (self.columns + 2);
            // A step at a fraction of a column, as two whole ones.
            for (at, sign) in [(left, 1.0), (right, -1.0)] {
                let (whole, part) = (at as usize, at.fract());
                self.change[line + whole] += (sign * share * (1.0 - part)) as f32;
                self.change[line + whole + 1] += (sign * share * part) as f32;
            }
            index += 1;
        }
    }

    /// Writes one path a shade, from a corner on.
    pub(super) fn draw(&self, svg: &mut String, x: f64, y: f64) {
        let mut by_shade = vec![String::new(); usize::from(SHADES) + 1];
        for row in 0..self.rows {
            let line = &self.change[row * (self.columns + 2)..][..self.columns];
            let y = y + row as f64 * self.cell;
            let mut fullness = 0.0f32;
            let shades = line.iter().map(|change| {
                fullness += change;
                shade(fullness)
            });
            let shades: Vec<u8> = shades.collect();
            let mut from = 0;
            for run in shades.chunk_by(|a, b| a == b) {
                let (x, width) = (x + from as f64 * self.cell, run.len() as f64 * self.cell);
                from += run.len();
                if run[0] > 0 {
                    let path = &mut by_shade[usize::from(run[0])];
                    let _ = write!(path, "M{x} {y}h{width}v{}h-{width}z", self.cell);
                }
            }
        }
        for (shade, path) in by_shade.iter().enumerate() {
            if !path.is_empty() {
                let opacity = shade as f64 / f64::from(SHADES);
                let class = r#"class="many""#;
                let _ = writeln!(
                    svg,
                    r#"<path {class} fill-opacity="{opacity:.3}" d="{path}"/>"#
                );
            }
        }
    }
}

fn shade(fullness: f32) -> u8 {
    if fullness > NOTHING {
        (fullness.min(1.0) * f32::from(SHADES)).ceil() as u8
    } else {
        0
    }
}
