/// Files that couponctl replaces keep their mode, and the links that lead to them.
import CouponCore
import FileAccess
import Foundation
import TestSupport
import Testing

@testable import couponctl

@Suite struct ReplacedFileTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func mode(of name: String) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: folder.file(name))[.posixPermissions]
            as? Int
    }

    /// Makes a file of this mode, a link to it, and a link to that link.
    private func link(to name: String, mode: Int) throws {
        _ = try folder.write("", to: name)
        try FileManager.default.setAttributes(
            [.posixPermissions: mode], ofItemAtPath: folder.file(name))
        try FileManager.default.createSymbolicLink(
            atPath: folder.file("middle"), withDestinationPath: name)
        try FileManager.default.createSymbolicLink(
            atPath: folder.file("link"), withDestinationPath: folder.file("middle"))
    }

    private func text(_ name: String) throws -> String {
        try String(contentsOfFile: folder.file(name), encoding: .utf8)
    }

    private func expectLinks() throws {
        for name in ["link", "middle"] {
            let attributes = try FileManager.default.attributesOfItem(atPath: folder.file(name))
            #expect(attributes[.type] as? FileAttributeType == .typeSymbolicLink, "\(name)")
        }
    }

    @Test(arguments: [0o600, 0o644, 0o440])
    func `a bookmark behind links keeps its mode, and the links stay`(_ wanted: Int) throws {
        try link(to: "bookmark", mode: wanted)
        let file = BookmarkFile(path: folder.file("link"))
        let bookmark = Bookmark(bytes: [1, 2, 3])
        try file.write(bookmark)
        #expect(try text("bookmark") == "010203\n")
        #expect(try mode(of: "bookmark") == wanted)
        try expectLinks()
        #expect(try file.read() == bookmark)
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == [
                "bookmark", "link", "middle",
            ])
    }

    @Test func `a link may lead to a bookmark that is not there yet`() throws {
        try link(to: "bookmark", mode: 0o600)
        try FileManager.default.removeItem(atPath: folder.file("bookmark"))
        try BookmarkFile(path: folder.file("link")).write(Bookmark(bytes: [7]))
        #expect(try text("bookmark") == "07\n")
        try expectLinks()
    }

    @Test func `the file of contexts is its owner's, and keeps another mode`() throws {
        let file = try #require(ContextsFile(["XDG_CONFIG_HOME": folder.path]))
        var contexts = Contexts()
        contexts.add("prod", ["address": "coupons.example:7070"])
        try file.write(contexts)
        #expect(try mode(of: "couponctl/contexts") == 0o600)
        try FileManager.default.moveItem(
            atPath: folder.file("couponctl/contexts"), toPath: folder.file("kept"))
        try FileManager.default.createSymbolicLink(
            atPath: folder.file("couponctl/contexts"), withDestinationPath: "../kept")
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o640], ofItemAtPath: folder.file("kept"))
        contexts.add("test", ["address": "unix:/run/a.sock"])
        try file.write(contexts)
        #expect(try Contexts(text("kept")) == contexts)
        #expect(try mode(of: "kept") == 0o640)
    }

    @Test func `what a process that was killed in the middle has left is removed`() throws {
        // The first name has a process that is gone. Of the others, one has a process that may still run, and
        // the rest are copies that a person made.
        let kept = ["file.new.1", "file.new.20261130", "file.new.x", "other.new.4194303"]
        let old = ["file.new.4194303"] + kept
        for name in old + ["file.new.4194302"] { _ = try folder.write("secret", to: name) }
        for name in old {
            try FileManager.default.setAttributes(
                [.modificationDate: Date(timeIntervalSinceNow: -120)],
                ofItemAtPath: folder.file(name))
        }
        try ReplacedFile(folder.file("file")).replace(by: [1])
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
                // The second one is new, so somebody may still be writing it.
                == (["file", "file.new.4194302"] + kept).sorted())
    }

    @Test func `a file that cannot be written is named, and nothing is left beside it`() throws {
        try FileManager.default.createDirectory(
            atPath: folder.file("taken"), withIntermediateDirectories: false)
        #expect(throws: ReplacedFile.Failure.self) {
            try ReplacedFile(folder.file("taken")).replace(by: [1])
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["taken"])
    }
}
