//! The parts beside the left ventricle: right ventricle, atria, valves.

use super::Heart;
use crate::blob::Blob;
use crate::heart_scene::Stroke;

impl Heart {
    /// The right ventricle: along the septum to its apex, back along a bulging free wall; and the tricuspid hinges,
    /// outer first.
    pub(super) fn right_ventricle(
        &self,
        base: f32,
        tall: f32,
        septum: f32,
        edge: &dyn Fn(f32, usize, f32) -> [f32; 2],
        squeeze: f32,
    ) -> (Blob, [[f32; 2]; 2]) {
        let floor = base + self.offset;
        let start = self.offset / tall;
        let mut outline: Vec<[f32; 2]> =
            (0..=16).map(|k| edge(start + (self.right_reach - start) * k as f32 / 16.0, 0, septum)).collect();
        let (inner, tip) = (outline[0], outline[16]);
        let width = self.right_width * squeeze;
        let outer = [inner[0] - width * self.tricuspid, floor - 1.0];
        let middle = [
            0.5 * (tip[0] + outer[0]) - (self.right_bulge + 0.1) * width,
            0.5 * (tip[1] + outer[1]) + 0.2 * self.right_bulge * tall,
        ];
        for k in 1..=16 {
            let t = k as f32 / 16.0;
            let (a, b, c) = ((1.0 - t) * (1.0 - t), 2.0 * t * (1.0 - t), t * t);
            outline.push([a * tip[0] + b * middle[0] + c * outer[0], a * tip[1] + b * middle[1] + c * outer[1]]);
        }
        let centre = [0.45 * inner[0] + 0.4 * outer[0] + 0.15 * tip[0], 0.72 * floor + 0.28 * tip[1]];
        (Blob::from_polygon(&outline, centre), [outer, inner])
    }

    /// Both atria, hanging from their valves; their floors keep their place, so they stretch in systole.
    pub(super) fn atria(&self, contraction: f32, hinges: [[f32; 2]; 2], right: [[f32; 2]; 2]) -> (Blob, Blob) {
        let shape = |a: [f32; 2], b: [f32; 2], half: f32, tall: f32, lean: f32| -> Blob {
            let top = 0.5 * (a[1] + b[1]) - 0.5;
            let bottom = -tall;
            let middle = 0.5 * (a[0] + b[0]);
            let neck = 0.5 * (b[0] - a[0]).abs() * 0.92;
            let wide = half * (1.0 + 0.08 * contraction);
            let height = top - bottom;
            let mut outline = Vec::with_capacity(48);
            for k in 0..48 {
                let (sin, cos) = (k as f32 / 48.0 * std::f32::consts::TAU).sin_cos();
                // A rounded box: fourth-power-like above, round below, flattened at the valve.
                let t = 0.5 + 0.5 * sin;
                let y = bottom + height * t;
                let reach = wide + (neck - wide) * ((t - 0.6) / 0.4).clamp(0.0, 1.0);
                let x = cos.signum() * cos.abs().powf(0.75) * reach;
                outline.push([middle + x + lean * (y - top), y]);
            }
            Blob::from_polygon(&outline, [middle - lean * 0.5 * height, 0.5 * (top + bottom)])
        };
        let left = shape(hinges[0], hinges[1], self.left_atrium[0], self.left_atrium[1], self.lean);
        // The right atrium must leave room for the septum between the atria.
        let left_edge = 0.5 * (hinges[0][0] + hinges[1][0]) - self.left_atrium[0];
        let gap = left_edge - self.atrial_wall * 2.0;
        let half = self.right_atrium[0];
        let centre = (gap - half).min(0.5 * (right[0][0] + right[1][0]));
        let width = right[1][0] - right[0][0];
        let hang = [[centre - 0.5 * width, right[0][1]], [centre + 0.5 * width, right[1][1]]];
        let right_atrium = shape(hang[0], hang[1], half, self.right_atrium[1], self.lean);
        (left, right_atrium)
    }

    /// The two leaflets of a valve as thin curved strokes: shut they meet on the ventricle's side of the plane, open they
    /// point to the apex.
    pub(super) fn leaflets(
        &self,
        strokes: &mut Vec<Stroke>,
        hinges: [[f32; 2]; 2],
        lengths: [f32; 2],
        opening: f32,
        tall: f32,
    ) {
        let width = (hinges[1][0] - hinges[0][0]).abs();
        for (side, length) in lengths.into_iter().enumerate() {
            let hinge = hinges[side];
            let across = (hinges[1 - side][0] - hinge[0]).signum();
            let reach = width * length * self.leaflet[side];
            let tent = 0.12 + 0.1 * (1.0 - self.leaflet[1]);
            let shut = std::f32::consts::FRAC_PI_2 - (tent * 2.0).min(0.6);
            let open = 0.18;
            // Angle from the direction of the apex.
            let angle = shut + (open - shut) * opening;
            let (sin, cos) = angle.sin_cos();
            let reach = reach.min(0.5 * tall);
            let tip = [hinge[0] + across * reach * sin, hinge[1] + reach * cos];
            let sag = 0.12 * reach * (1.0 - 2.0 * opening);
            let middle = [0.5 * (hinge[0] + tip[0]) - across * sag * cos, 0.5 * (hinge[1] + tip[1]) + sag * sin];
            let mut last = hinge;
            for k in 1..=5 {
                let t = k as f32 / 5.0;
                let (a, b, c) = ((1.0 - t) * (1.0 - t), 2.0 * t * (1.0 - t), t * t);
                let next = [a * hinge[0] + b * middle[0] + c * tip[0], a * hinge[1] + b * middle[1] + c * tip[1]];
                strokes.push(Stroke { from: last, to: next, width: 0.7 + 0.25 * (k as f32 - 2.0).max(0.0) / 3.0 });
                last = next;
            }
        }
    }
}
