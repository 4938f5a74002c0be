package Medianest::Factors;

# A code of an authenticator app is good once (RFC 6238, 5.2), and recovery codes stand in for a lost second factor.
use strict;
use warnings;
use Mouse;
use Crypt::URandom;
use Digest::SHA qw(sha256_hex);
use Lemonldap::NG::Portal::Main::Constants qw(PE_OK PE_ERROR PE_BADOTP);
use Medianest::Database;
extends 'Lemonldap::NG::Portal::Main::Plugin';

use constant hook => { sfAfterVerify => 'unjudged' };
use constant { CODES => 8, TRIES_OF_A_MINUTE => 5 };
my @LETTERS = ( 'a' .. 'z', 2 .. 7 );
my $wrapped;

sub init {
    my ($self) = @_;
    $self->addAuthRoute( recovery => 'show', ['GET'] );
    $self->addAuthRoute( recovery => 'make', ['POST'] );
    return 1 if $wrapped++;
    my $totp = 'Lemonldap::NG::Portal::2F::TOTP';
    Mouse::Util::load_class($totp);
    $totp->meta->add_around_method_modifier( verify => sub { $self->judge(@_) } );
    return 1;
}

# Around the engine's own check. A code that cannot be written down is refused: it could be used again.
sub judge {
    my ( $self, $verify, $module, $req, $session ) = @_;
    my $login = $session->{ $self->conf->{whatToTrace} };
    my $code  = lc( $req->param('code') // '' ) =~ s/[\s-]//gr;
    my $result = eval {
        my $try  = $self->tried( $req, $login );
        my $done = $code =~ /\A[a-z2-7]{16}\z/
          ? $self->recover( $req, $login, $code )
          : $self->once( $req, $login, $code, $module->$verify( $req, $session ) );
        Medianest::Database::connection()->do( 'DELETE FROM used_codes WHERE login = ? AND code = ?', undef, $login, $try ) if $done == PE_OK;
        $done;
    };
    return $result if defined $result;
    $self->logger->error("second factor: $@");
    $req->data->{medianest_unjudged} = 1;
    return PE_ERROR;
}

# At most some codes and old passwords of a user are judged in a minute. The engine has an account wait before the code is asked for, and counts
# wrong ones of sign-ins that waited together as one: a person who knows the password could try as many as wait.
# @throws where there were too many @returns what notes this one
sub tried {
    my ( $self, $req, $login ) = @_;
    my $dbh = Medianest::Database::connection();
    my $try = 'try ' . unpack 'H*', Crypt::URandom::urandom(8);
    $dbh->do( 'INSERT INTO used_codes (login, code) VALUES (?, ?)', undef, $login, $try );
    my ($tries) =
      $dbh->selectrow_array( q{SELECT count(*) FROM used_codes WHERE login = ? AND code LIKE 'try %' AND used > now() - interval '1 minute'}, undef, $login );
    return $try if $tries <= TRIES_OF_A_MINUTE;
    $self->auditLog( $req, message => "Too many codes or old passwords for $login", code => 'TOO_MANY_TRIES', user => $login );
    die "too many tries for $login\n";
}

# What the database could not judge, or was not asked about, does not count against the account.
sub unjudged {
    my ( $self, $req ) = @_;
    return $req->data->{medianest_unjudged} ? PE_ERROR : PE_OK;
}

sub once {
    my ( $self, $req, $login, $code, $result ) = @_;
    return $result if $result != PE_OK;
    my $new = Medianest::Database::connection()->do( <<'SQL', undef, $login, $code );
INSERT INTO used_codes (login, code) VALUES (?, ?)
ON CONFLICT (login, code) DO UPDATE SET used = now() WHERE used_codes.used < now() - interval '5 minutes'
SQL
    return PE_OK if $new > 0;
    $self->auditLog( $req, message => "Code used twice for $login", code => 'CODE_USED_TWICE', user => $login );
    return PE_BADOTP;
}

sub recover {
    my ( $self, $req, $login, $code ) = @_;
    my $used = Medianest::Database::connection()
      ->do( 'DELETE FROM recovery_codes WHERE login = ? AND code_hash = ?', undef, $login, sha256_hex("$login:$code") );
    my $what = $used > 0 ? 'used' : 'refused';
    $self->auditLog( $req, message => "Recovery code $what for $login", code => uc "RECOVERY_CODE_$what", user => $login );
    return $used > 0 ? PE_OK : PE_BADOTP;
}

sub page {
    my ( $self, $req, %params ) = @_;
    return $self->p->sendHtml( $req, 'recovery', params => { %params, SECOND => $req->userData->{_2f} ? 1 : 0 } );
}

sub show {
    my ( $self, $req ) = @_;
    my $left = eval {
        Medianest::Database::connection()->selectrow_array( 'SELECT count(*) FROM recovery_codes WHERE login = ?', undef,
            $req->userData->{ $self->conf->{whatToTrace} } );
    };
    return $self->p->sendError( $req, 'the database does not answer', 503 ) unless defined $left;
    return $self->page( $req, LEFT => $left );
}

# New codes replace all others: only after a sign-in with the factor that they stand in for. 80 random bits each need no slow hash.
sub make {
    my ( $self, $req ) = @_;
    return $self->page($req) unless $req->userData->{_2f};
    my $login = $req->userData->{ $self->conf->{whatToTrace} };
    my @codes = map {
        join '', map { $LETTERS[ $_ & 31 ] } unpack 'C16', Crypt::URandom::urandom(16)
    } 1 .. CODES;
    eval {
        Medianest::Database::transaction(
            sub {
                my ($dbh) = @_;

                # Two that make codes at once: one after the other, and the codes of the second count.
                $dbh->selectrow_array( 'SELECT login FROM users WHERE login = ? FOR UPDATE', undef, $login );
                $dbh->do( 'DELETE FROM recovery_codes WHERE login = ?', undef, $login );
                $dbh->do( 'INSERT INTO recovery_codes VALUES (?, ?)', undef, $login, sha256_hex("$login:$_") ) for @codes;
            }
        );
        1;
    } or do {
        $self->logger->error("recovery codes: $@");
        return $self->p->sendError( $req, 'the database does not answer', 503 );
    };
    $self->auditLog( $req, message => "Recovery codes made for $login", code => 'RECOVERY_CODES_MADE', user => $login );
    return $self->page( $req, CODES => [ map { { CODE => s/(.{4})(?=.)/$1-/gr } } @codes ] );
}

1;
