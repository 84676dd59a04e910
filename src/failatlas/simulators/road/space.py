"""Space: the parameters of a road view, with their units and ranges."""

from __future__ import annotations

from failatlas.parameters import Parameter, Space
from failatlas.simulators.road.alignment import TIGHTEST

COLOURS = ("silver", "white", "black", "red", "blue", "green", "yellow")


def _share(name: str, meaning: str, default: float = 0.0) -> Parameter:
    return Parameter(name, 0.0, 1.0, default, meaning=meaning)


SPACE = Space(
    (
        Parameter("curvature_1pm", -TIGHTEST, TIGHTEST, 0.0, "1/m", meaning="of the lane at the car; right bends > 0"),
        Parameter(
            "curvature_rate_1pm2", -0.0006, 0.0006, 0.0, "1/m²", meaning="change of curvature ahead, as on a clothoid"
        ),
        Parameter("profile_1pm", -0.0012, 0.0008, 0.0, "1/m", meaning="curvature of the profile: crest < 0 < dip"),
        Parameter("offset_m", -1.2, 1.2, 0.0, "m", meaning="of the rear axle from the lane centre, right > 0"),
        Parameter("heading_deg", -8.0, 8.0, 0.0, "deg", meaning="of the car against the lane, right > 0"),
        Parameter("lane_width_m", 2.7, 3.9, 3.4, "m", meaning="between the middles of its lines"),
        Parameter("lanes", 2, 3, 2, integer=True, meaning="the left one is oncoming; of 3, the car is in the middle"),
        Parameter("centre_line", choices=("dashed", "solid", "double", "missing"), meaning="between the lanes"),
        Parameter("edge_line", choices=("solid", "dashed", "missing"), meaning="at the edges of the road"),
        Parameter("line_colour", choices=("white", "yellow"), meaning="of all lines"),
        _share("line_wear", "how much of the paint has gone", 0.1),
        Parameter("shoulder_m", 0.1, 2.5, 0.4, "m", meaning="paved strip beyond the edge line"),
        _share("asphalt_brightness", "dark and new … pale and old", 0.4),
        _share("roughness", "contrast of grain, blotches and wheel tracks", 0.5),
        _share("patches", "how many mended rectangles", 0.1),
        _share("tar_seams", "how many sealed cracks and joints", 0.2),
        _share("wetness", "damp, then puddles that mirror the sky"),
        _share("snow_cover", "on road and verge; wheel tracks stay bare longest"),
        Parameter("roadside", choices=("posts", "rail", "bare"), meaning="delineators, guard rail or nothing"),
        Parameter("surroundings", choices=("meadow", "forest", "town"), meaning="beside the road"),
        Parameter("season", choices=("summer", "autumn", "winter"), meaning="colours of land and trees"),
        _share("tree_shadow", "shade of crowns on the road, when the sun shines"),
        Parameter("structure", choices=("none", "bridge"), meaning="over the road"),
        Parameter("structure_m", 15.0, 90.0, 40.0, "m", meaning="how far ahead the structure begins"),
        Parameter("time", choices=("day", "dusk", "night"), meaning="time of day"),
        Parameter("sun_azimuth_deg", -180.0, 180.0, 60.0, "deg", circular=True, meaning="0 ahead, right > 0"),
        Parameter("sun_elevation_deg", 2.0, 65.0, 40.0, "deg", meaning="by day; a low sun ahead glares"),
        _share("cloud_cover", "share of the sky", 0.35),
        Parameter("weather", choices=("clear", "rain", "fog", "snow"), meaning="what is in the air"),
        _share("weather_strength", "a little … as bad as one still drives in", 0.5),
        Parameter("lead_vehicle", choices=("none", "car", "van", "lorry"), meaning="in the own lane"),
        Parameter("lead_distance_m", 5.0, 90.0, 25.0, "m", meaning="from the camera to its rear"),
        Parameter("lead_colour", choices=COLOURS, meaning="of the vehicle ahead"),
        Parameter("oncoming", 0, 3, 0, integer=True, meaning="vehicles on the left lane"),
        Parameter("oncoming_distance_m", 8.0, 90.0, 30.0, "m", meaning="from the camera to the first of them"),
        _share("drops", "rain drops on the windscreen"),
        _share("dirt", "film and specks on the windscreen"),
        Parameter("wiper", 0.0, 1.0, 0.0, meaning="place of the blade: 0 parked, else its way across"),
        Parameter("camera_height_m", 1.1, 2.2, 1.4, "m", meaning="above the road"),
        Parameter("camera_pitch_deg", 2.0, 10.0, 5.0, "deg", meaning="below the horizontal"),
        Parameter("fov_deg", 40.0, 70.0, 54.0, "deg", meaning="horizontal angle of view"),
    )
)
