//! Which ways to glue are tried.

use rand::RngExt as _;
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::dive::chains::Gluing;

/// The ways that are tried before any chance comes in, where the sections have a
/// mean slack in units.
pub(super) fn plain(index: usize, slack: i64) -> Gluing {
    let plain = |gap, size, weight, keep, fill| Gluing {
        gap,
        size,
        slack: weight,
        keep,
        most: slack / 4,
        fill,
        ..Gluing::PLAIN
    };
    match index {
        // Slack alone limits the gaps.
        0 => plain(u32::MAX, 0.0, 0.003, 0.3, 0.3),
        1 => plain(u32::MAX, 0.5, 0.003, 0.0, 0.0),
        2 => plain(u32::MAX, -2.0, 0.003, 0.3, 0.5),
        3 => plain(u32::MAX, 0.0, 0.001, 0.1, 0.3),
        _ => plain(256, 0.5, 0.0, 0.0, 0.0),
    }
}

/// A way near another one.
pub(super) fn near(mut gluing: Gluing, random: &mut Xoshiro256PlusPlus) -> Gluing {
    let reach = random.random_range(-4.0..0.0f64).exp();
    let mut vary = |value: f64| value * (reach * random.random_range(-1.0..1.0f64)).exp();
    gluing.slack = vary(gluing.slack);
    gluing.reserve = vary(gluing.reserve as f64) as i64;
    gluing.most = vary(gluing.most as f64) as i64;
    gluing.fill = vary(gluing.fill).min(0.9);
    gluing.keep = (gluing.keep + reach * random.random_range(-0.3..0.3)).clamp(0.0, 0.9);
    gluing.size += reach as f32 * random.random_range(-1.0..1.0f32);
    if random.random_bool(0.5) {
        gluing.noise = random.random_range(0.0..1.0f32).powi(2);
    }
    gluing
}

/// Any way, where the sections have a mean slack in units.
pub(super) fn any(slack: i64, random: &mut Xoshiro256PlusPlus) -> Gluing {
    Gluing {
        gap: if random.random_bool(0.7) {
            u32::MAX
        } else {
            random.random_range(0.0..12.0f64).exp() as u32
        },
        reserve: if random.random_bool(0.5) {
            0
        } else {
            (slack as f64 * random.random_range(0.0..0.5f64).powi(2)) as i64
        },
        size: random.random_range(-3.0..1.0),
        noise: random.random_range(0.0..1.0f32).powi(2),
        slack: if random.random_bool(0.3) {
            0.0
        } else {
            random.random_range(-10.0..-2.0f64).exp()
        },
        keep: random.random_range(0.0..0.8f64).powi(2),
        most: (slack as f64 * random.random_range(-3.0..0.0f64).exp()) as i64,
        fill: if random.random_bool(0.3) {
            0.0
        } else {
            random.random_range(0.1..0.6)
        },
    }
}
