/* SPDX-License-Identifier: MIT */
package suite.work;

import java.security.GeneralSecurityException;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import suite.Checksum;
import suite.Rng;
import suite.Setting;

/**
 * Signs and verifies texts from 1 KiB to 1 MiB, by RSA over four digests and by
 * ECDSA.  The latter's signature is another one each time.
 */
public final class SignVerify extends Known {
    private static final String[] DIGESTS = {"MD5", "SHA1", "SHA256", "SHA512"};

    private byte[] input;
    private PublicKey rsaPublic;
    private PrivateKey rsaPrivate;
    private PublicKey ecPublic;
    private PrivateKey ecPrivate;

    public SignVerify(long expected) {
        super(expected);
    }

    @Override
    public void setUp(Setting setting) throws GeneralSecurityException {
        input = new Rng(8).bytes(1 << 20);
        rsaPublic = Keys.rsaPublic();
        rsaPrivate = Keys.rsaPrivate();
        ecPublic = Keys.ecPublic();
        ecPrivate = Keys.ecPrivate();
    }

    @Override
    public long operation() throws GeneralSecurityException {
        Checksum sum = new Checksum();
        for (int size = 1 << 10; size <= 1 << 20; size <<= 2) {
            for (String digest : DIGESTS) {
                sum.add(sign(digest + "withRSA", rsaPrivate, rsaPublic, size));
            }
            sign("SHA256withECDSA", ecPrivate, ecPublic, size);
        }
        return sum.value();
    }

    private byte[] sign(String algorithm, PrivateKey privateKey, PublicKey publicKey, int size)
            throws GeneralSecurityException {
        Signature signature = Signature.getInstance(algorithm);
        signature.initSign(privateKey);
        signature.update(input, 0, size);
        byte[] signed = signature.sign();
        signature.initVerify(publicKey);
        signature.update(input, 0, size);
        require(signature.verify(signed), "a signature is right");
        signature.initVerify(publicKey);
        signature.update(input, 0, size - 1);
        require(!signature.verify(signed), "it is not that of another text");
        return signed;
    }
}
