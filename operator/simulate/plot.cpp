#include "simulate/plot.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <functional>

namespace poolwright::simulate {
namespace {

constexpr double kWidth = 900;
constexpr double kLeft = 60;
constexpr double kRight = 880;
constexpr double kPanelHeight = 170;
constexpr double kSizeTop = 60;
constexpr double kWaitingTop = 280;
constexpr double kHeight = 490;
// Colours that stay apart for colour-blind readers (Okabe and Ito).
constexpr std::array<const char*, kPlotPoliciesMax> kColours = {"#999999", "#e69f00", "#56b4e9",
                                                                "#cc79a7", "#0072b2", "#009e73"};
constexpr const char* kDemandColour = "#d55e00";

std::string number(double value) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.1f", value);
  return text.data();
}

std::string text_at(double x, double y, const std::string& text, const std::string& attributes) {
  return "<text x=\"" + number(x) + "\" y=\"" + number(y) + "\" " + attributes + ">" + text + "</text>\n";
}

using Figure = std::function<double(const PoolTrace&)>;

double sum(const TracePoint& point, const Figure& figure) {
  double total = 0.0;
  for (const PoolTrace& pool : point.pools) total += figure(pool);
  return total;
}

double log_waiting(double waiting) { return std::log10(1.0 + waiting); }

/// One panel: where its values lie on the page.
struct Panel {
  double top = 0;
  double time_max = 1;
  double value_max = 1;

  double x(double time_s) const { return kLeft + (kRight - kLeft) * time_s / time_max; }
  double y(double value) const { return top + kPanelHeight * (1.0 - value / value_max); }
};

std::string line(const Panel& panel, const std::vector<TracePoint>& trace,
                 const std::function<double(const TracePoint&)>& value, const std::string& style) {
  std::string points;
  for (const TracePoint& point : trace)
    points += number(panel.x(point.time_s)) + "," + number(panel.y(value(point))) + " ";
  return "<polyline fill=\"none\" " + style + " points=\"" + points + "\"/>\n";
}

std::string frame(const Panel& panel, const std::string& title) {
  std::string svg = "<rect x=\"" + number(kLeft) + "\" y=\"" + number(panel.top) + "\" width=\"" +
                    number(kRight - kLeft) + "\" height=\"" + number(kPanelHeight) +
                    "\" fill=\"none\" stroke=\"#cccccc\"/>\n";
  svg += text_at(kLeft, panel.top - 8, title, "font-weight=\"bold\"");
  for (int i = 0; i <= 6; ++i) {
    const double time_s = panel.time_max * i / 6.0;
    svg += text_at(panel.x(time_s), panel.top + kPanelHeight + 15, number(time_s) + " s",
                   "text-anchor=\"middle\" fill=\"#666666\"");
  }
  return svg;
}

std::string tick(const Panel& panel, double value, const std::string& label) {
  const double y = panel.y(value);
  return "<line x1=\"" + number(kLeft) + "\" x2=\"" + number(kRight) + "\" y1=\"" + number(y) + "\" y2=\"" + number(y) +
         "\" stroke=\"#eeeeee\"/>\n" + text_at(kLeft - 6, y + 4, label, "text-anchor=\"end\" fill=\"#666666\"");
}

std::string colour_of(std::size_t index) { return std::string("stroke=\"") + kColours[index] + "\""; }

std::string size_panel(std::span<const ReportRow> rows, double time_max) {
  const Figure size = [](const PoolTrace& pool) { return static_cast<double>(pool.size); };
  const Figure demand = [](const PoolTrace& pool) { return pool.demand; };
  double size_max = 1.0;
  for (const ReportRow& row : rows) {
    for (const TracePoint& point : row.trace) size_max = std::max(size_max, sum(point, size));
  }
  const Panel panel{.top = kSizeTop, .time_max = time_max, .value_max = size_max * 1.05};
  std::string svg = frame(panel, "connections allowed (size) and demand");
  for (int i = 0; i <= 4; ++i) {
    const double value = std::round(size_max * i / 4.0);
    svg += tick(panel, value, std::to_string(static_cast<int>(value)));
  }
  // A burst's demand may be far above any size: it is cut at the edge of the panel.
  svg += line(
      panel, rows.back().trace, [&](const TracePoint& point) { return std::min(panel.value_max, sum(point, demand)); },
      std::string("stroke=\"") + kDemandColour + "\" stroke-width=\"1\" stroke-dasharray=\"3 2\"");
  for (std::size_t i = 0; i < rows.size(); ++i) {
    svg += line(
        panel, rows[i].trace, [&](const TracePoint& point) { return sum(point, size); },
        colour_of(i) + " stroke-width=\"1.5\"");
  }
  return svg;
}

std::string waiting_panel(std::span<const ReportRow> rows, double time_max) {
  const Figure waiting = [](const PoolTrace& pool) { return static_cast<double>(pool.waiting); };
  double most = 1.0;
  for (const ReportRow& row : rows) {
    for (const TracePoint& point : row.trace) most = std::max(most, log_waiting(sum(point, waiting)));
  }
  const Panel panel{.top = kWaitingTop, .time_max = time_max, .value_max = most * 1.05};
  std::string svg = frame(panel, "clients waiting (logarithmic)");
  for (const int value : {0, 1, 10, 100, 1000, 10000}) {
    if (log_waiting(value) <= most) svg += tick(panel, log_waiting(value), std::to_string(value));
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    svg += line(
        panel, rows[i].trace, [&](const TracePoint& point) { return log_waiting(sum(point, waiting)); },
        colour_of(i) + " stroke-width=\"1.2\"");
  }
  return svg;
}

}  // namespace

std::string plot_svg(std::span<const ReportRow> rows) {
  std::vector<ReportRow> drawn;
  for (const ReportRow& row : rows) {
    if (!row.trace.empty() && drawn.size() < kPlotPoliciesMax) drawn.push_back(row);
  }
  if (drawn.empty()) return "";
  const double time_max = drawn.front().trace.back().time_s;
  std::string svg =
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + number(kWidth) + " " + number(kHeight) +
      "\" font-family=\"sans-serif\" font-size=\"11\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n";
  svg += text_at(kLeft, 22, drawn.front().scenario, "font-size=\"15\" font-weight=\"bold\"");
  svg += size_panel(drawn, time_max) + waiting_panel(drawn, time_max);
  double x = kLeft;
  for (std::size_t i = 0; i < drawn.size(); ++i, x += 90) {
    svg += text_at(x, kHeight - 12, drawn[i].policy, std::string("fill=\"") + kColours[i] + "\" font-weight=\"bold\"");
  }
  svg += text_at(x, kHeight - 12, "demand", std::string("fill=\"") + kDemandColour + "\" font-weight=\"bold\"");
  return svg + "</svg>\n";
}

}  // namespace poolwright::simulate
