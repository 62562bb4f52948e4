/// What the status page does. Texts of callers and admins are only set as text, so they cannot be markup.
extension StatusPage {
    static let script = #"""
        "use strict";
        const element = id => document.getElementById(id);
        const length = 120, history = { accepted: [], issued: [], bounced: [], queued: [] };
        const latencies = [
          ['coupond_request_seconds', 'method="bounce"'], ['coupond_request_seconds', 'method="issue"'],
          ['coupond_gate_seconds', ""], ['coupond_commit_seconds', ""], ['coupond_settle_seconds', ""],
        ].map(([name, label]) => ({ name, label, course: [] }));
        const whole = new Intl.NumberFormat("en");
        const past = [];
        let before = null, isPaused = false, cursor = null;

        function number(value) {
          if (value >= 1e7) return (value / 1e6).toFixed(1) + " M";
          return whole.format(Math.round(value));
        }
        function duration(seconds) {
          if (seconds < 0.0095) return (seconds * 1e3).toFixed(2) + " ms";
          if (seconds < 0.9995) return Math.round(seconds * 1e3) + " ms";
          if (seconds < 120) return seconds.toFixed(1) + " s";
          if (seconds < 7200) return Math.round(seconds / 60) + " min";
          return seconds < 172800 ? Math.round(seconds / 3600) + " h" : Math.round(seconds / 86400) + " d";
        }
        function set(node, text) { if (node.textContent !== text) node.textContent = text; }
        function make(tag, name, text) {
          const node = document.createElement(tag);
          if (name) node.className = name;
          if (text !== undefined) node.textContent = text;
          return node;
        }
        function shape(tag, attributes) {
          const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
          for (const name in attributes) node.setAttribute(name, attributes[name]);
          return node;
        }
        function sum(metrics, prefix) {
          let sum = 0;
          for (const name in metrics) if (name.startsWith(prefix)) sum += metrics[name];
          return sum;
        }
        const outcome = (metrics, name) => metrics[`coupond_requests_total{outcome="${name}"}`] || 0;

        // As many points as fit, the newest at the right; the scale is that of the largest.
        function points(values, top) {
          return values.map((value, index) => {
            const x = (index + length - values.length) / (length - 1) * 100;
            return x.toFixed(2) + " " + (40 - 38 * value / top).toFixed(2);
          });
        }
        function plot(name, unit) {
          const values = history[name], svg = element(name + "-plot");
          if (!svg.firstChild) {
            svg.setAttribute("viewBox", "0 0 100 40");
            svg.setAttribute("preserveAspectRatio", "none");
            svg.append(
              shape("line", { class: "base", x1: 0, x2: 100, y1: 40, y2: 40 }),
              shape("path", { class: "area" }), shape("path", { class: "line" }),
              shape("line", { class: "cursor", y1: 0, y2: 40, visibility: "hidden" }));
            svg.addEventListener("keydown", event => move(event, name));
            svg.addEventListener("blur", () => { cursor = null; drawAll(); });
          }
          const top = Math.max(1, ...values), line = points(values, top);
          if (line.length > 1) {
            const [first] = line[0].split(" ");
            svg.children[2].setAttribute("d", "M" + line.join("L"));
            svg.children[1].setAttribute("d", `M${first} 40L${line.join("L")}L100 40Z`);
          }
          const now = values.length ? values[values.length - 1] : 0;
          const isHere = cursor && cursor.name === name && values.length > cursor.back;
          const shown = isHere ? values[values.length - 1 - cursor.back] : now;
          const mark = svg.children[3];
          mark.setAttribute("visibility", isHere ? "visible" : "hidden");
          if (isHere) {
            const x = (length - 1 - cursor.back) / (length - 1) * 100;
            mark.setAttribute("x1", x); mark.setAttribute("x2", x);
          }
          set(element(name === "queued" ? "queued-now" : name + "-rate"), number(shown));
          svg.setAttribute("aria-label", isHere
            ? `${number(shown)} ${unit}, ${cursor.back} seconds ago`
            : `${name}: ${number(now)} ${unit} now, at most ${number(Math.max(0, ...values))}`);
        }
        function move(event, name) {
          const step = { ArrowLeft: 1, ArrowRight: -1, Home: length, End: -length }[event.key];
          if (event.key === "Escape") cursor = null;
          else if (!step) return;
          else {
            const back = (cursor && cursor.name === name ? cursor.back : 0) + step;
            cursor = { name, back: Math.min(Math.max(0, back), Math.max(0, history[name].length - 1)) };
          }
          event.preventDefault();
          drawAll();
        }
        function drawAll() {
          for (const name of ["accepted", "issued", "bounced"]) plot(name, "a second");
          plot("queued", "entries");
        }

        // The counts of a histogram up to each bound, less those of an earlier document.
        function buckets(metrics, earlier, { name, label }) {
          const start = `${name}_bucket{${label}${label ? "," : ""}le="`;
          return Object.keys(metrics).filter(key => key.startsWith(start)).map(key => ({
            bound: Number(key.slice(start.length, -2).replace("+Inf", "Infinity")),
            count: metrics[key] - (earlier[key] || 0),
          })).sort((one, other) => one.bound - other.bound);
        }
        function quantile(list, share) {
          const all = list.length ? list[list.length - 1].count : 0;
          if (!all) return null;
          let low = 0, below = 0;
          for (const { bound, count } of list) {
            if (count >= share * all) {
              if (bound === Infinity) return low;
              return low + (bound - low) * (share * all - below) / Math.max(1, count - below);
            }
            low = bound; below = count;
          }
          return low;
        }
        function drawLatency(metrics, earlier) {
          const rows = element("latency").tBodies[0].rows;
          latencies.forEach((latency, index) => {
            const list = buckets(metrics, earlier, latency);
            const [half, most] = [quantile(list, 0.5), quantile(list, 0.99)];
            if (half !== null) {
              set(rows[index].cells[1], duration(half));
              set(rows[index].cells[2], duration(most));
            }
            latency.course.push(most === null ? 0 : Math.log10(1 + most * 1e4));
            if (latency.course.length > length) latency.course.shift();
            const svg = rows[index].cells[3].firstChild;
            if (!svg.firstChild) {
              svg.setAttribute("viewBox", "0 0 100 42");
              svg.setAttribute("preserveAspectRatio", "none");
              svg.setAttribute("aria-hidden", "true");
              svg.append(shape("path", {}));
            }
            const line = points(latency.course, Math.max(1, ...latency.course));
            if (line.length > 1) svg.firstChild.setAttribute("d", "M" + line.join("L"));
          });
        }

        // Keeps the rows that are there, so that a reader's place and focus stay.
        function rows(list, wanted, build) {
          while (list.children.length > wanted.length) list.lastChild.remove();
          wanted.forEach((item, index) => {
            if (!list.children[index]) list.append(build());
          });
          return list.children;
        }
        function couponNote(coupon, now) {
          if (coupon.state !== "active") return coupon.state;
          if (coupon.total !== null && coupon.issued >= coupon.total) return "sold out";
          if (now < coupon.opens) return "opens in " + duration((coupon.opens - now) / 1e3);
          if (now >= coupon.closes) return "ended";
          if (coupon.closes > 9e12) return "open, without end";
          return "open, " + duration((coupon.closes - now) / 1e3) + " left";
        }
        function drawCoupons(coupons, now, isHidden) {
          const nodes = rows(element("coupons"), coupons, () => {
            const item = make("li"), top = make("div", "top"), under = make("div", "under quiet");
            const bar = make("div", "bar");
            bar.setAttribute("role", "progressbar");
            bar.setAttribute("aria-valuemin", "0");
            bar.setAttribute("aria-valuemax", "100");
            bar.append(make("i"));
            top.append(make("span", "title"), make("span", "count"));
            under.append(make("span"), make("span"));
            item.append(top, bar, under);
            return item;
          });
          coupons.forEach((coupon, index) => {
            const [top, bar, under] = nodes[index].children;
            const share = coupon.total === null ? 0 : Math.min(100, 100 * coupon.issued / coupon.total);
            const note = couponNote(coupon, now);
            nodes[index].classList.toggle("done", !note.startsWith("open,"));
            set(top.children[0], coupon.title);
            top.children[0].title = coupon.title;
            set(top.children[1], number(coupon.issued)
              + (coupon.total === null ? " issued" : " of " + number(coupon.total)));
            bar.setAttribute("aria-valuenow", share.toFixed(0));
            bar.setAttribute("aria-label", "issued of coupon " + coupon.id);
            bar.firstChild.style.width = share + "%";
            set(under.children[0], "coupon " + coupon.id);
            set(under.children[1], note);
          });
          set(element("coupons-note"), coupons.length ? "Those of the latest events first."
            : isHidden ? "For callers with the role reader." : "None yet.");
        }
        function drawChecks(checks) {
          const nodes = rows(element("checks"), checks, () => {
            const item = make("li");
            item.append(make("span"), make("span", "quiet"));
            return item;
          });
          checks.forEach((check, index) => {
            nodes[index].className = check.well ? "" : "bad";
            set(nodes[index].children[0], check.name);
            set(nodes[index].children[1], check.text);
          });
        }
        function drawPartitions(partitions) {
          const list = element("partitions");
          list.classList.toggle("many", partitions.length > 64);
          const nodes = rows(list, partitions, () => make("li"));
          partitions.forEach((partition, index) => {
            const state = partition.rebuild !== null ? "build" : !partition.open ? "shut"
              : partition.owned ? "own" : "";
            nodes[index].className = state;
            set(nodes[index], String(partition.id));
            const words = { build: "is rebuilt", shut: "has no open gate", own: "is this daemon's" };
            const owner = partition.owner ? "is that of " + partition.owner : "has no owner";
            nodes[index].title = `partition ${partition.id} ${words[state] || owner}, `
              + `epoch ${partition.epoch}, ${partition.queued || 0} entries queued`;
          });
          const others = {};
          for (const one of partitions.filter(one => !one.owned && one.owner)) {
            others[one.owner] = (others[one.owner] || 0) + 1;
          }
          const names = Object.keys(others).sort();
          const shown = names.slice(0, 8).map(name => `${others[name]} are those of ${name}`);
          if (names.length > 8) shown.push(`${names.length - 8} more daemons have some`);
          const [own, open] = ["owned", "open"].map(key => partitions.filter(one => one[key]).length);
          set(element("partitions-note"),
            [`${own} of ${partitions.length} are this daemon's, ${open} open`, ...shown].join("; ") + ".");
        }
        function drawActions(actions, isHidden) {
          const body = element("actions").tBodies[0];
          const nodes = rows(body, actions, () => {
            const row = make("tr");
            for (let index = 0; index < 5; index++) row.append(make("td"));
            return row;
          });
          actions.forEach((action, index) => {
            const cells = nodes[index].children, at = new Date(action.at);
            const time = at.toISOString().slice(0, 19).replace("T", " ");
            [time, action.principal, action.method, action.coupon || "", action.outcome]
              .forEach((text, index) => set(cells[index], text));
          });
          element("actions-note").hidden = actions.length > 0;
          set(element("actions-note"), isHidden ? "For callers with the role operator." : "None.");
        }
        function drawState(answer) {
          const pill = element("pill"), trouble = element("trouble");
          const [text, kind] = answer.ready
            ? (answer.trouble ? ["degraded", "warn"] : ["ready", ""]) : ["not ready", "bad"];
          set(pill, text);
          pill.className = "pill " + kind;
          trouble.hidden = !answer.trouble && !answer.tables_trouble;
          trouble.className = "trouble " + kind;
          set(trouble, [answer.trouble, answer.tables_trouble].filter(Boolean).join(" · "));
          document.title = (text === "ready" ? "" : text + " · ") + "coupond";
        }

        function draw(answer) {
          const metrics = answer.metrics;
          const totals = {
            accepted: outcome(metrics, "accepted") + outcome(metrics, "issued"),
            issued: metrics.coupond_issued_total || 0, bounced: metrics.coupond_bounced_total || 0,
          };
          const queued = sum(metrics, 'coupond_queue_entries{');
          const seconds = before ? Math.max(0.2, (answer.now - before.now) / 1e3) : 0;
          for (const name in totals) {
            if (before) history[name].push(Math.max(0, totals[name] - before.totals[name]) / seconds);
            set(element(name + "-total"), whole.format(totals[name]));
          }
          if (before) history.queued.push(queued);
          for (const name in history) if (history[name].length > length) history[name].shift();
          const ages = answer.partitions.map(partition => partition.age || 0);
          set(element("queued-age"), duration(Math.max(0, ...ages)));
          set(element("version"), answer.version);
          set(element("connections"), number(metrics.coupond_connections || 0));
          set(element("in-flight"), number(metrics.coupond_requests_in_flight || 0));
          const bytes = metrics.process_resident_memory_bytes || 0;
          set(element("memory"), (bytes / 1048576).toFixed(0) + " MiB");
          const start = metrics.process_start_time_seconds;
          set(element("uptime"), start ? duration(Math.max(0, answer.now / 1e3 - start)) : "–");
          drawAll();
          drawLatency(metrics, past[0] || {});
          past.push(metrics);
          if (past.length > 10) past.shift();
          drawCoupons(answer.coupons, answer.now, answer.coupons_hidden);
          drawChecks(answer.checks);
          drawPartitions(answer.partitions);
          drawActions(answer.actions, answer.actions_hidden);
          drawState(answer);
          document.body.classList.remove("stale");
          before = { now: answer.now, totals };
          document.body.dataset.drawn = Number(document.body.dataset.drawn || 0) + 1;
        }
        async function ask() {
          try {
            const signal = AbortSignal.timeout(5000);
            const response = await fetch("status.json", { cache: "no-store", signal });
            if (!response.ok) throw new Error(response.status);
            draw(await response.json());
          } catch (error) {
            set(element("pill"), "no answer");
            element("pill").className = "pill bad";
            document.body.classList.add("stale");
          }
        }
        async function repeat() {
          if (!isPaused && !document.hidden) await ask();
          setTimeout(repeat, 1000);
        }
        element("pause").addEventListener("click", () => {
          isPaused = !isPaused;
          set(element("pause"), isPaused ? "Go on" : "Pause");
          element("pause").setAttribute("aria-pressed", String(isPaused));
        });
        repeat();
        """#
}
