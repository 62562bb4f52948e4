# `make` alone lists the targets.
.DEFAULT_GOAL := help
.PHONY: help build install deb test-deb test-systemd test-upgrade image sbom static run demo demo-cluster bench bench-cluster test test-client test-python test-examples simulate mutants test-thread-sanitizer fuzz chaos volume siege lint docs format clean dependencies

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 24

build: dependencies ## the daemon and its command line, release build, into .build/release
	swift build --configuration release

# With Swift's runtime inside, so that the machine needs no Swift.
PREFIX ?= /usr/local
STATIC = --configuration release --static-swift-stdlib --scratch-path .build/static
static: dependencies
	swift build $(STATIC) --product coupond
	swift build $(STATIC) --product couponctl

install: static ## programs, unit, user, manual pages and completions: DESTDIR=…, PREFIX=/usr/local
	Scripts/install .build/static/release "$(DESTDIR)" "$(PREFIX)"

VERSION ?= $(shell sed -n 's/.*static let version = "\(.*\)"/\1/p' Sources/coupond/Main.swift)
deb: static ## a Debian package, in .local: VERSION=…
	Scripts/deb .build/static/release "$(VERSION)" .local

test-deb: deb ## the package in a clean Debian: installed, started, upgraded, purged; needs root
	Scripts/deb .build/static/release 0.0.1 .local
	Scripts/test-deb .local/coupond_0.0.1_*.deb .local/coupond_$(VERSION)_*.deb

test-systemd: build ## the service under a real systemd, in namespaces of its own; says why where that cannot be
	Scripts/test-systemd "$$(swift build --configuration release --show-bin-path)"

test-upgrade: build ## a sale of commit fac4a67 whose servers this tree takes over in the middle
	Scripts/test-upgrade

image: static ## a container image as an OCI archive, in .local: VERSION=…
	Scripts/image .build/static/release "$(VERSION)" .local/coupond-$(VERSION).oci.tar

sbom: build ## what coupond is made of, as a software bill of materials, in .local: VERSION=…
	mkdir -p .local
	Scripts/sbom .build/release/coupond "$(VERSION)" >.local/sbom.new
	mv .local/sbom.new .local/coupond-$(VERSION).cdx.json

run: build ## serve on 127.0.0.1:7070 with a private Redis and PostgreSQL in .local/, until Ctrl-C
	@Scripts/run

demo: build ## a whole sale of 10,000 coupons to 30,000 users, with a check of its accounts
	@Scripts/demo

demo-cluster: dependencies ## the same on a Redis Cluster, with a master killed in the middle; WAIT=1 waits for replicas
	swift build --configuration release --product coupond
	swift build --configuration release --product couponctl
	swift build --configuration release --product clusterdemo
	@.build/release/clusterdemo $(if $(WAIT),--wait-replicas $(WAIT))

bench: build ## coupond beside Redis, PostgreSQL and a plain consumer; ONLY=key,key; AGAINST=commit compares the two
	$(if $(AGAINST),Scripts/bench-against $(AGAINST) --only "$(ONLY)" $(if $(PAIRS),--pairs $(PAIRS)),.build/release/bench --only "$(ONLY)")

# One kind after the other: the simulator would slow down tests that wait for servers.
WITH_SERVERS = CouponRedisTests|CouponPostgresTests|TestSupportTests|SystemdTests|ChaosTests
test: dependencies ## every test, with real servers
	swift build --build-tests
	Scripts/swift-test --skip-build --skip '$(WITH_SERVERS)|EndToEndTests'
	Scripts/swift-test --skip-build --filter '$(WITH_SERVERS)'
	REDIS_TLS=1 Scripts/swift-test --skip-build --filter CouponRedisTests
	Scripts/swift-test --skip-build --filter EndToEndTests

bench-cluster: dependencies ## what a cluster costs, and how fast it fails over, as ratios; SMALL=1 is shorter and judges nothing
	swift build --configuration release --product coupond
	swift build --configuration release --product clusterdemo
	.build/release/clusterdemo figures $(if $(SMALL),--small)

test-client: build ## a package of its own that uses the Swift client, built and run beside a daemon
	Scripts/test-client

test-python: dependencies ## the Python client: Debian's protobuf and PyPI's newest, its wheel, its types
	swift build --product coupond
	Scripts/test-python

test-examples: build ## the commands of docs/FIRST_CALL.md, each language in a clean folder; the checkout of Examples
	Scripts/test-examples

# A daemon with a report ends with 66, which fails its test. The build is much slower, so tests run one
# after the other: in parallel they would exceed their time limits on a busy machine.
SKIP = TidinessTests
SANITIZED = --sanitize=thread --scratch-path .build/tsan
test-thread-sanitizer: export TSAN_OPTIONS = suppressions=$(CURDIR)/Tests/thread-sanitizer.suppressions \
	exitcode=66 halt_on_error=1
test-thread-sanitizer: export COUPOND_WITHOUT = $(WITHOUT)
test-thread-sanitizer: dependencies ## all tests in a build that reports data races; WITHOUT="target target" leaves some out
	swift build --build-tests $(SANITIZED)
	Scripts/swift-test --skip-build $(SANITIZED) --no-parallel --skip '$(WITH_SERVERS)|EndToEndTests|$(SKIP)'
	Scripts/swift-test --skip-build $(SANITIZED) --no-parallel --filter '$(WITH_SERVERS)' --skip '$(SKIP)'
	Scripts/swift-test --skip-build $(SANITIZED) --no-parallel --filter EndToEndTests --skip '$(SKIP)'

SECONDS = 60
fuzz: dependencies ## damaged bytes for every decoder, SECONDS=60 for each, with the address sanitizer
	Scripts/fuzz $(SECONDS)

ROUNDS ?= 50
chaos: dependencies ## a whole system with faults: ROUNDS=50, SEED=… repeats a round, ONLY=… selects faults, CLUSTER=1, SENTINEL=1
	swift build --product coupond
	swift build --product chaos
	.build/debug/chaos --rounds $(ROUNDS) $(if $(CLUSTER),--cluster) $(if $(SENTINEL),--sentinel) $(if $(SEED),--seed $(SEED)) $(if $(ONLY),--only $(ONLY))

# A full run needs the release build; SMALL=1 uses the debug build, which the tests have made already.
volume: dependencies ## how daemons handle large states; SMALL=1, ONLY=name,name, DAEMONS=1 or 3, ATMOST=seconds for all
	swift build $(if $(SMALL),,--configuration release) --product coupond
	swift build $(if $(SMALL),,--configuration release) --product volume
	.build/$(if $(SMALL),debug,release)/volume $(if $(SMALL),--small) $(if $(ONLY),--only $(ONLY)) \
		$(if $(DAEMONS),--daemons $(DAEMONS)) $(if $(ATMOST),--at-most $(ATMOST))

siege: dependencies ## honest callers beside attackers; SMALL=1, ONLY=name,name, LASTING=60 seconds for each attack
	swift build $(if $(SMALL),,--configuration release) --product coupond
	swift build $(if $(SMALL),,--configuration release) --product siege
	.build/$(if $(SMALL),debug,release)/siege $(if $(SMALL),--small) $(if $(ONLY),--only $(ONLY)) \
		$(if $(LASTING),--seconds $(LASTING))

simulate: dependencies ## plays of the whole protocol with faults: SEED=…, RUNS=…, WEIGHTS=…, FAILOVERS=…, MASTERS=…; a breach prints its history
	swift build --configuration release --product Simulator
	.build/release/Simulator $(if $(SEED),--seed $(SEED)) $(if $(WEIGHTS),--weights $(WEIGHTS)) $(if $(FAILOVERS),--failovers $(FAILOVERS)) $(if $(MASTERS),--masters $(MASTERS)) --runs $(or $(RUNS),2000) --workers $(or $(WORKERS),2)

mutants: dependencies ## breaks the code on purpose, one rule at a time: do the tests notice? Takes long
	Scripts/mutants

lint: dependencies ## formatting, generated code, scripts, mutants that no longer fit
	swift format lint --strict --recursive Sources Tests Benchmarks Fuzz Examples/checkout/Sources Package.swift
	Scripts/generate-proto --check
	Scripts/generate-vectors --check
	Scripts/generate-python --check
	Scripts/mutants --list >/dev/null
	promtool check rules Ops/alerts.yml
	cd Ops && promtool test rules alerts.test.yml
	@for script in $$(grep --files-with-matches '^#!.*bash' Scripts/* .ci/*) Scripts/*.bash; do \
		echo "bash -n $$script"; bash -n $$script || exit 1; done

docs: dependencies ## the pages of CouponClient and CouponDomain, with warnings as errors, into .local/docs
	mkdir -p .local/docs
	for module in CouponDomain CouponClient; do \
		swift package --allow-writing-to-directory .local generate-documentation --target $$module \
			--warnings-as-errors --output-path .local/docs/$$module || exit 1; \
	done

format: ## format the Swift sources
	swift format --in-place --recursive Sources Tests Benchmarks Fuzz Examples/checkout/Sources Package.swift

clean: ## remove the build; the data in .local/ stays
	swift package clean

dependencies:
	@Scripts/install-dependencies
