//! How full each cell of a picture is with rectangles too small to see, and
//! what colour they have in the mean.

use std::fmt::Write as _;

/// Steps of opacity.
const SHADES: u8 = 8;
/// Less than this is nothing but rounding.
const NOTHING: f32 = 1e-4;

/// A grid of square cells, row by row, as changes of the fullness from one
/// column to the next: a rectangle costs its rows, however wide it is.
pub(super) struct Density {
    cell: f64,
    rows: usize,
    columns: usize,
    /// The fullness, and that times the step of the colours.
    change: Vec<[f32; 2]>,
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
            change: vec![[0.0; 2]; rows * (columns + 2)],
        }
    }

    /// Adds a rectangle, relative to the picture's corner, of a step of the
    /// colours.
    pub(super) fn add(&mut self, left: f64, right: f64, top: f64, bottom: f64, step: usize) {
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
                let parts = [sign * share * (1.0 - part), sign * share * part];
                for (cell, part) in self.change[line + whole..].iter_mut().zip(parts) {
                    cell[0] += part as f32;
                    cell[1] += (part * step as f64) as f32;
                }
            }
            index += 1;
        }
    }

    /// Writes one path a colour and shade, from a corner on.
    pub(super) fn draw(&self, svg: &mut String, x: f64, y: f64, colours: &[&str]) {
        let shades = usize::from(SHADES) + 1;
        let mut paths = vec![String::new(); shades * colours.len()];
        for row in 0..self.rows {
            let y = y + row as f64 * self.cell;
            let mut from = 0;
            for run in self.row(row, colours.len()).chunk_by(|a, b| a == b) {
                let (x, width) = (x + from as f64 * self.cell, run.len() as f64 * self.cell);
                from += run.len();
                if let Some((step, shade)) = run[0] {
                    let path = &mut paths[step * shades + usize::from(shade)];
                    let _ = write!(path, "M{x} {y}h{width}v{}h-{width}z", self.cell);
                }
            }
        }
        for (index, path) in paths
            .iter()
            .enumerate()
            .filter(|(_, path)| !path.is_empty())
        {
            let opacity = (index % shades) as f64 / f64::from(SHADES);
            let colour = colours[index / shades];
            let _ = writeln!(
                svg,
                r#"<path class="many" fill="{colour}" fill-opacity="{opacity:.3}" d="{path}"/>"#
            );
        }
    }

    /// The step and the shade of each cell of a row; nothing where it is empty.
    fn row(&self, row: usize, steps: usize) -> Vec<Option<(usize, u8)>> {
        let line = &self.change[row * (self.columns + 2)..][..self.columns];
        let (mut fullness, mut weighted) = (0.0f32, 0.0f32);
        line.iter()
            .map(|[full, step]| {
                fullness += full;
                weighted += step;
                (fullness > NOTHING).then(|| {
                    let step = (weighted / fullness).round().max(0.0) as usize;
                    let shade = (fullness.min(1.0) * f32::from(SHADES)).ceil() as u8;
                    (step.min(steps - 1), shade)
                })
            })
            .collect()
    }
}
