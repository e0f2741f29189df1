#include "picture.h"

#include "bench/failure.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <fmt/format.h>

namespace uakv::bench {
namespace {

// The canvas: on the left latencies over sizes, both axes logarithmic; on the right a bar for each peer.
constexpr double width = 920;
constexpr double height = 380;
constexpr double left = 64;
constexpr double right = 420;
constexpr double top = 64;
constexpr double bottom = 330;
constexpr double bars_left = 690;
constexpr double bars_right = 835;

// The rules, once for light and once for dark mode: text, lines, and a colour (c0, c1 ...) for each peer.
struct Palette {
    const char *paper;
    const char *ink;
    const char *faint;
    const char *line;
    std::array<const char *, 6> peers;
};
constexpr Palette light{
    "#ffffff", "#1f2328", "#59636e", "#d1d9e0", {"#6e7781", "#0969da", "#1a7f37", "#cf222e", "#a04100", "#8250df"}};
constexpr Palette dark{
    "#0d1117", "#f0f6fc", "#9198a1", "#3d444d", {"#9198a1", "#4493f8", "#3fb950", "#f85149", "#f0883e", "#ab7df8"}};

std::string colours(const Palette &palette) {
    std::string out = fmt::format(".paper {{ fill: {} }} text {{ fill: {} }} .faint {{ fill: {} }} "
                                  ".grid {{ stroke: {} }}",
                                  palette.paper, palette.ink, palette.faint, palette.line);
    for (std::size_t i = 0; i < palette.peers.size(); ++i) {
        out += fmt::format(" .c{0} {{ fill: {1} }} .curve.c{0} {{ stroke: {1} }}", i, palette.peers[i]);
    }
    return out;
}

std::string draw_head() {
    return fmt::format("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" "
                       "height=\"{1}\">\n<style>\n"
                       "text {{ font: 13px system-ui, \"Segoe UI\", Helvetica, Arial, sans-serif }}\n"
                       ".title {{ font-size: 14px; font-weight: 600 }} .faint {{ font-size: 12px }}\n"
                       ".label {{ font-weight: 600 }} .grid {{ stroke-width: 1 }}\n{2}\n"
                       "@media (prefers-color-scheme: dark) {{ {3} }}\n"
                       ".curve {{ fill: none !important; stroke-width: 2.5; stroke-linejoin: round }}\n"
                       "</style>\n<rect width=\"{0}\" height=\"{1}\" rx=\"8\" class=\"paper\"/>\n",
                       width, height, colours(light), colours(dark));
}

struct Curve {
    std::size_t peer; // which also is its colour
    std::string name;
    std::vector<double> values;
    double label_y;
};

std::string text_at(double x, double y, const std::string &text, const char *style, const char *anchor = "start") {
    return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" class=\"{}\" text-anchor=\"{}\">{}</text>\n", x, y, style,
                       anchor, text);
}

std::string time_text(double ns) {
    if (ns < 1e3) {
        return fmt::format("{:.0f} ns", ns);
    }
    return ns < 1e6 ? fmt::format("{:.3g} us", ns / 1e3) : fmt::format("{:.3g} ms", ns / 1e6);
}

// From 10 ns up to 100 ms.
double y_of(double ns) {
    constexpr double decades = 7;
    const double share = (std::log10(std::clamp(ns, 10.0, 1e8)) - 1) / decades;
    return bottom - share * (bottom - top);
}

double x_of(std::size_t index, std::size_t count) {
    return count < 2 ? left : left + (right - left) * static_cast<double>(index) / static_cast<double>(count - 1);
}

std::string draw_axes(const std::vector<CaseOutcomes> &alone) {
    std::string out = text_at(16, 30, "Retrieve: until the block can be read, p50", "title");
    for (int decade = 1; decade <= 8; ++decade) {
        const double ns = std::pow(10.0, decade);
        const double y = y_of(ns);
        out +=
            fmt::format("<line x1=\"{}\" y1=\"{:.1f}\" x2=\"{}\" y2=\"{:.1f}\" class=\"grid\"/>\n", left, y, right, y);
        out += text_at(left - 8, y + 4, time_text(ns), "faint", "end");
    }
    for (std::size_t i = 0; i < alone.size(); ++i) {
        out += text_at(x_of(i, alone.size()), bottom + 20, size_text(alone[i].what.block_bytes), "faint", "middle");
    }
    return out;
}

// Labels stand at the ends of their curves, moved apart where they would touch.
void spread_labels(std::vector<Curve> &curves) {
    constexpr double apart = 16;
    std::sort(curves.begin(), curves.end(), [](const Curve &a, const Curve &b) { return a.label_y > b.label_y; });
    double lowest = bottom + 4;
    for (Curve &curve : curves) {
        curve.label_y = std::min(curve.label_y, lowest);
        lowest = curve.label_y - apart;
    }
}

std::string draw_curves(const Table &table, const std::vector<PeerKind> &kinds,
                        const std::vector<CaseOutcomes> &alone) {
    std::vector<Curve> curves;
    for (std::size_t peer = 0; peer < kinds.size(); ++peer) {
        Curve curve{peer, kinds[peer].name, {}, 0};
        for (const CaseOutcomes &one : alone) {
            curve.values.push_back(summarize(table.figures(one, Work::in_hand, curve.name)).median);
        }
        curve.label_y = y_of(curve.values.back()) + 4;
        curves.push_back(curve);
    }
    spread_labels(curves);
    std::string out;
    for (const Curve &curve : curves) {
        out += fmt::format("<polyline class=\"curve c{}\" points=\"", curve.peer);
        for (std::size_t i = 0; i < curve.values.size(); ++i) {
            out += fmt::format("{:.1f},{:.1f} ", x_of(i, alone.size()), y_of(curve.values[i]));
        }
        out += "\"/>\n";
        out += fmt::format("<text x=\"{}\" y=\"{:.1f}\" class=\"label c{}\">{}</text>\n", right + 10, curve.label_y,
                           curve.peer, curve.name + ", " + time_text(curve.values.back()));
    }
    return out;
}

std::string draw_bars(const Table &table, const std::vector<PeerKind> &kinds, const CaseOutcomes &one) {
    std::string out =
        text_at(bars_left - 85, 30, "Store " + size_text(one.what.block_bytes) + " blocks, memory full", "title");
    std::vector<double> rates;
    rates.reserve(kinds.size());
    for (const PeerKind &kind : kinds) {
        rates.push_back(summarize(table.figures(one, Work::store, kind.name)).median);
    }
    const double most = *std::max_element(rates.begin(), rates.end());
    const double step = (bottom - top) / static_cast<double>(kinds.size());
    for (std::size_t peer = 0; peer < kinds.size(); ++peer) {
        const double y = top + step * static_cast<double>(peer);
        const double length = std::max(1.0, (bars_right - bars_left) * rates[peer] / most);
        out += text_at(bars_left - 8, y + step / 2 + 4, kinds[peer].name, "name", "end");
        out += fmt::format("<rect x=\"{}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" rx=\"3\" class=\"c{}\"/>\n",
                           bars_left, y + step * 0.2, length, step * 0.6, peer);
        out += text_at(bars_left + length + 8, y + step / 2 + 4, fmt::format("{:.2g} GB/s", rates[peer]), "faint");
    }
    return out;
}

} // namespace

void write_picture(const std::string &path, const Table &table, const std::vector<PeerKind> &kinds,
                   const std::vector<CaseOutcomes> &alone, const std::string &load) {
    const auto two_mib = std::find_if(alone.begin(), alone.end(),
                                      [](const CaseOutcomes &one) { return one.what.block_bytes == 2 * MiB; });
    std::string text = draw_head();
    text += draw_axes(alone) + draw_curves(table, kinds, alone) +
            draw_bars(table, kinds, two_mib != alone.end() ? *two_mib : alone.back());
    text +=
        text_at(16, height - 12,
                "One client process, medians of one run begun at " + load + ". In place: memcpy, uakv, LMDB.", "faint");
    text += "</svg>\n";
    std::FILE *file = std::fopen(path.c_str(), "we");
    const bool written = file != nullptr && std::fwrite(text.data(), 1, text.size(), file) == text.size();
    if (file == nullptr || std::fclose(file) != 0 || !written) {
        throw Failure("cannot write " + path + ": " + std::strerror(errno));
    }
}

} // namespace uakv::bench
