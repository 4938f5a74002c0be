package Medianest::Mail;

# The mails of sign-on: what they say, and the queue that they wait in. No page waits for the mail server.
use strict;
use warnings;
use utf8;
use Crypt::URandom;
use Digest::SHA qw(sha256_hex);
use Encode qw(decode encode);
use MIME::Base64 qw(encode_base64 encode_base64url);
use POSIX qw(strftime);
use Medianest::Database;
use Medianest::Servers;

# Limits of an hour: of what one address asks for, and of the links that one account is sent. Others cannot keep an account from its link:
# the links that they asked for are in its mailbox, and good.
use constant { MOST_ASKED => 10, MOST_LINKS => 3, MOST_WAITING => 500 };

# @returns undefined where there is no mail server @throws where that cannot be told
sub settings { return Medianest::Servers::settings( 'mail', 'user' ) }

# A mailbox as SMTP takes it from anybody: ASCII (RFC 6531 is an extension), without what ends an address.
sub takes_mail {
    my ($address) = @_;
    return ( $address // '' ) =~ /\A[!#\$%&'*+\/=?^_`{|}~.A-Za-z0-9-]{1,64}\@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,188}[A-Za-z0-9])?\z/;
}

# As encoded words (RFC 2047), none of which ends within a character.
sub words {
    my ($text) = @_;
    return $text if $text =~ /\A[\x20-\x7e]{0,60}\z/ && $text !~ /=\?/;
    my @parts = ('');
    for my $letter ( split //, $text =~ s/\p{Cc}+/ /gr ) {
        push @parts, '' if length( encode( 'UTF-8', $parts[-1] . $letter ) ) > 42;
        $parts[-1] .= $letter;
    }
    return join "\r\n ", map { '=?utf-8?B?' . encode_base64( encode( 'UTF-8', $_ ), '' ) . '?=' } @parts;
}

# @returns the sender's address, and its line of the head
sub sender {
    my ($from) = @_;
    my ( $name, $address ) = $from =~ /\A(?:\s*([^<>]*?)\s*<)?([^\s<>]+\@[^\s<>]+)>?\z/;
    die "signOn.mail.from is no address\n" unless takes_mail($address);
    $name = ( $name // '' ) =~ s/\A"(.*)"\z/$1/r;
    return ( $address, $address ) if $name eq '';
    my $phrase = $name =~ /\A[\x20-\x7e]+\z/ ? '"' . $name =~ s/(["\\])/\\$1/gr . '"' : words($name);
    return ( $address, "$phrase <$address>" );
}

# Sends one mail, or only signs in at the server; either way notes how that went, for `health`.
# @throws why not
sub send_mail {
    my ($mail) = @_;
    my $own = settings() or die "there is no mail server: signOn.mail is not set\n";
    my $message;
    if ($mail) {
        die "that is no address that takes mail\n" unless takes_mail( $mail->{to} );
        my ( $address, $from ) = sender( $own->{from} );
        my $id = encode_base64url( Crypt::URandom::urandom(18) ) . '@' . $address =~ s/.*\@//r;
        my $text = join "\r\n",
          "From: $from", "To: $mail->{to}", 'Subject: ' . words( $mail->{subject} ),
          'Date: ' . strftime( '%a, %d %b %Y %H:%M:%S +0000', gmtime ), "Message-ID: <$id>", 'MIME-Version: 1.0',
          'Content-Type: text/plain; charset=utf-8', 'Content-Transfer-Encoding: base64', 'Auto-Submitted: auto-generated', '',
          encode_base64( encode( 'UTF-8', $mail->{text} ), "\r\n" );
        $message = { from => $address, to => $mail->{to}, text => encode( 'UTF-8', $text ) };
    }

    # TLS takes time and memory to load, and pages send nothing.
    require Medianest::Smtp;
    my $done = eval { Medianest::Smtp::deliver( $own, $message ); 1 };
    my $why  = $done ? undef : decode( 'UTF-8', $@ =~ s/\s+\z//r );
    Medianest::Servers::note( 'mail', $why ) unless defined $why && $why =~ /receiver/;
    die encode( 'UTF-8', "$why\n" ) unless $done;
    return;
}

my $FOOT = "\n\n-- \n%s\nThis mail was sent by a program. Answers are not read.\n";

sub link_to { my ($token) = @_; return settings()->{portal} . "auth/invitation?token=$token" }

sub written {
    my ( $to, $subject, $text ) = @_;
    my $own = settings();
    return { to => $to, subject => "$own->{title}: $subject", text => $text . sprintf( $FOOT, $own->{portal} ) };
}

sub invitation {
    my ( $to, $login, $token, $until ) = @_;
    my $own = settings();
    return written( $to, 'your invitation', <<"TEXT" );
Choose a password for $login at $own->{title}:

@{[ link_to($token) ]}

The link is good once, until $until.
TEXT
}

sub reset {
    my ( $to, $login, $token, $minutes ) = @_;
    my $own = settings();
    return written( $to, 'a new password', <<"TEXT" );
A new password was asked for at $own->{title}, for the account $login. Choose it here:

@{[ link_to($token) ]}

The link is good once, for $minutes minutes. It signs the account out everywhere, and accounts elsewhere have to be linked
again; a second factor stays as it is.
If you did not ask for it, do nothing: your password stays as it is.
TEXT
}

sub changed {
    my ( $to, $login, $closed ) = @_;
    my $own  = settings();
    my $also = $closed eq '' ? '' : "Accounts that are no longer linked with it: $closed. Sign in by password once to link them again.\n";
    return written( $to, 'your password was changed', <<"TEXT" );
The password of $login at $own->{title} was changed by a link that was sent to this address.
${also}If it was not you, tell the person who runs this server now.
TEXT
}

sub test {
    my ($to) = @_;
    return written( $to, 'a test', "Mail from @{[ settings()->{title} ]} arrives at this address.\n" );
}

# One that waits: `asked` is what was typed for kind `reset`, and an account for `link` and `changed`, which are never too many: they follow
# from what was taken. After the account, `changed` names the providers that it is no longer linked with.
# @returns false where there are too many already
sub enqueue {
    my ( $dbh, $kind, $asked, $client ) = @_;
    my $done = $dbh->do( <<'SQL', undef, $kind, $asked, $client, $kind, MOST_WAITING );
INSERT INTO mails (kind, asked, client) SELECT ?, ?, ? WHERE ?::text <> 'reset' OR (SELECT count(*) FROM mails WHERE NOT done) < ?
SQL
    return $done > 0;
}

# A stranger's request for a link: it costs the same whether there is such an account, which is looked for later.
# @returns false where this address has asked too often, or too many wait
sub ask {
    my ( $asked, $client ) = @_;
    return Medianest::Database::transaction(
        sub {
            my ($dbh) = @_;
            $dbh->do(q{SELECT pg_advisory_xact_lock(hashtext('medianest mails'))});

            # Who has one address of IPv6 has all of its /64; the edge counts so, too.
            my ($often) = $dbh->selectrow_array( <<'SQL', undef, $client, $client );
SELECT count(*) FROM mails WHERE kind = 'reset' AND asked_at > now() - interval '1 hour'
  AND network(set_masklen(client::inet, least(masklen(client::inet), 64))) = network(set_masklen(?::inet, least(masklen(?::inet), 64)))
SQL
            return $often < MOST_ASKED && enqueue( $dbh, 'reset', $asked, $client ) ? 1 : 0;
        }
    );
}

# A new link for a password. Those that the account has stay good: another person who asks cannot end them.
# @returns the token; undefined where it has had its share of this hour
sub reset_link {
    my ( $dbh, $login, $minutes ) = @_;
    my $token = encode_base64url( Crypt::URandom::urandom(32) );
    my $done  = $dbh->do( <<'SQL', undef, sha256_hex($token), $login, $minutes, $login, MOST_LINKS );
INSERT INTO invitations (token_hash, login, expires, by_mail)
SELECT ?, ?, now() + ? * interval '1 minute', true
WHERE (SELECT count(*) FROM invitations WHERE login = ? AND by_mail AND created > now() - interval '1 hour') < ?
SQL
    return $done > 0 ? $token : undef;
}

1;
