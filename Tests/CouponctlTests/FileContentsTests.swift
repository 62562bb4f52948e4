/// Small files are read with the checks that their readers ask for.
import FileAccess
import Foundation
import TestSupport
import Testing

@Suite struct FileContentsTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// Why a file cannot be read; nil if it can.
    private func fault(_ path: String, _ checks: FileContents.Checks) -> FileFault? {
        do throws(FileFault) {
            _ = try FileContents.read(path, upTo: 4, checks)
            return nil
        } catch {
            return error
        }
    }

    @Test func `a file is read up to the limit`() throws {
        let path = try folder.write("abcdef", to: "text")
        #expect(try FileContents.read(path) == Array("abcdef".utf8))
        #expect(try FileContents.read(path, upTo: 4) == Array("abcd".utf8))
        #expect(try FileContents.read(try folder.write("", to: "empty")) == [])
        let long = try folder.write(String(repeating: "x", count: 200_000), to: "long")
        #expect(try FileContents.read(long, upTo: 150_000).count == 150_000)
    }

    @Test func `only a reader who asks for a regular file refuses others`() {
        #expect(fault("/dev/zero", []) == nil)
        #expect(fault("/dev/zero", .regular) == .notRegular)
        #expect(fault(folder.path, .regular) == .notRegular)
        #expect(fault(folder.path, []) == .unreadable(EISDIR))
        #expect(fault(folder.file("none"), .regular)?.isAbsence == true)
        #expect(fault(folder.path, [])?.isAbsence == false)
    }

    @Test func `a file that others may write is refused if it gives rights`() throws {
        let path = try folder.write("text", to: "text")
        for (mode, isOpen) in [(0o600, false), (0o644, false), (0o660, true), (0o602, true)] {
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
            #expect(fault(path, .guarded) == (isOpen ? .writableByOthers : nil))
            #expect(fault(path, .owned) == nil)
        }
    }
}
