//! How to glue, and what a chain is made of.

/// How to glue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gluing {
    /// Sections that a gap may have.
    pub(crate) gap: u32,
    /// Slack in units that gaps leave everywhere.
    pub(crate) reserve: i64,
    /// Weight of the logarithm of the size, beside that of a gap's length, in
    /// what a gap costs.
    pub(crate) size: f32,
    /// Amplitude of the noise on that.
    pub(crate) noise: f32,
    /// Share of the target: the lengths that keys see count sections with no slack
    /// whole, and those with this share of slack half. 0 lets all count alike.
    pub(crate) slack: f64,
    /// Share of each section's slack that gaps leave, up to `most`.
    pub(crate) keep: f64,
    /// Slack in units of which gaps leave no more.
    pub(crate) most: i64,
    /// Share of the jobs, the shortest, that fill gaps before they are glued.
    pub(crate) fill: f64,
}

impl Gluing {
    /// Wherever there is slack, whatever the sizes, and fills nothing: what the
    /// others change a part of.
    pub(crate) const PLAIN: Gluing = Gluing {
        gap: u32::MAX,
        reserve: 0,
        size: 0.0,
        noise: 0.0,
        slack: 0.0,
        keep: 0.0,
        most: 0,
        fill: 0.0,
    };
}

/// A job of a chain.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member {
    pub(crate) job: u32,
    /// Units above the chain's position: 0 but for what fills a gap.
    pub(crate) rise: i64,
}
